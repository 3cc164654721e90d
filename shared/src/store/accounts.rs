//! Accounts of fans and admins.

use super::{
    Failure, Store, StoreError, keys,
    keys::Table,
    request::{self, TransactFailure},
    transact_parts::transact_item,
};
use crate::domain::{
    account::{Role, Username},
    id::UserId,
    refusal::Refusal,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// The owner of the account.
    pub user_id: UserId,
    /// The user name, as it was written at the sign-up.
    pub username: String,
    /// The argon2id hash of the password, as a PHC string.
    pub password_hash: String,
    /// What its owner may do.
    pub role: Role,
    /// When it was created.
    pub created_at: Timestamp,
    /// Its version. A token carries the version under which it was signed.
    #[serde(default)]
    pub ver: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NameOwner {
    user_id: UserId,
}

impl Store {
    /// Creates an account of a fan. Its name must be free, ignoring case; its ledger is empty.
    ///
    /// # Errors
    /// [`Refusal::UsernameTaken`].
    pub async fn create_account(&self, name: &Username, password_hash: String) -> Result<Account, Failure> {
        let account = Account {
            user_id: self.context.user_id(),
            username: name.as_str().to_owned(),
            password_hash,
            role: Role::Fan,
            created_at: self.now(),
            ver: 0,
        };
        let user = account.user_id;
        let owner = request::item(&keys::name(name), &NameOwner { user_id: user }, None)?;
        let writes = vec![
            transact_item(self.transact_put(Table::Fans, owner).condition_expression("attribute_not_exists(pk)"))?,
            transact_item(self.transact_put(Table::Fans, request::item(&keys::profile(user), &account, None)?))?,
        ];
        match self.transact(writes).await {
            Ok(()) => Ok(account),
            // Only the write of the name has a condition.
            Err(TransactFailure::Cancelled(_)) => Err(Refusal::UsernameTaken.into()),
            Err(TransactFailure::Contended { .. }) => Err(super::contention("create account").into()),
            Err(TransactFailure::Store(error)) => Err(error.into()),
        }
    }

    /// Reads an account.
    ///
    /// # Errors
    /// [`Refusal::UserNotFound`].
    pub async fn account(&self, user: UserId) -> Result<Account, Failure> {
        let account: Option<Account> = self.get(&keys::profile(user), true).await?;
        account.ok_or(Failure::Refused(Refusal::UserNotFound))
    }

    /// Reads the account with this name, if there is one.
    pub async fn account_by_name(&self, name: &Username) -> Result<Option<Account>, StoreError> {
        let owner: Option<NameOwner> = self.get(&keys::name(name), true).await?;
        // Reads a profile even for an unknown name, so that timing reveals nothing. Under a random id, so that no item
        // gets hot.
        let user = owner.map_or_else(|| self.context.user_id(), |owner| owner.user_id);
        self.get(&keys::profile(user), true).await
    }
}
