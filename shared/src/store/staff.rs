//! The accounts with a role other than fan. Nothing but `cargo admin` and the local stack gives a role: no route does,
//! and no function's policy allows it.

use super::{
    Failure, Store, StoreError, contention, keys,
    keys::Table,
    request::{self, TransactFailure, n},
    transact_parts::transact_item,
};
use crate::domain::{
    account::{Role, Username},
    id::UserId,
    refusal::Refusal,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// An account that may do more than a fan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StaffMember {
    /// The owner of the account.
    pub user_id: UserId,
    /// The user name, as it was written at the sign-up.
    pub username: String,
    /// What the owner may do.
    pub role: Role,
    /// When the role was given.
    pub since: Timestamp,
}

impl Store {
    /// Gives the account with this name a role. It counts from the next login on: a token says the role of its login.
    /// Both items change together, so that the list of the staff is true.
    ///
    /// # Errors
    /// [`Refusal::UserNotFound`].
    pub async fn set_role(&self, name: &Username, role: Role) -> Result<StaffMember, Failure> {
        let account = self.account_by_name(name).await?.ok_or(Refusal::UserNotFound)?;
        let member = StaffMember { user_id: account.user_id, username: account.username, role, since: self.now() };
        let profile = self
            .transact_update(&keys::profile(member.user_id))
            .update_expression("SET #role = :role, ver = ver + :one")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_names("#role", "role")
            .expression_attribute_values(":role", request::value(&role)?)
            .expression_attribute_values(":one", n(1));
        let entry = keys::staff(member.user_id);
        let listed = match role {
            Role::Fan => transact_item(self.transact_delete(&entry))?,
            _ => transact_item(self.transact_put(Table::Fans, request::item(&entry, &member, None)?))?,
        };
        match self.transact(vec![transact_item(profile)?, listed]).await {
            Ok(()) => Ok(member),
            Err(TransactFailure::Cancelled(_)) => Err(Refusal::UserNotFound.into()),
            Err(TransactFailure::Contended { .. }) => Err(contention("set role").into()),
            Err(TransactFailure::Store(error)) => Err(error.into()),
        }
    }

    /// Reads everybody who may do more than a fan, in the order of their ids.
    pub async fn staff(&self) -> Result<Vec<StaffMember>, StoreError> {
        let query = self.query(Table::Fans, keys::STAFF_PARTITION).key_condition_expression("pk = :pk");
        self.all_pages(query.consistent_read(true)).await?.into_iter().map(request::parse).collect()
    }
}
