//! Accounts of fans and admins.

use super::{
    Failure, Store, StoreError, keys,
    keys::Table,
    request::{self, TransactFailure, transact_item},
};
use crate::domain::{
    account::{Role, Username},
    id::UserId,
    ledger::Balance,
    refusal::Refusal,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// Whose.
    pub user_id: UserId,
    /// As the fan wrote it.
    pub username: String,
    /// PHC string of the password's hash.
    pub password_hash: String,
    /// What it may do.
    pub role: Role,
    /// When it was made.
    pub created_at: Timestamp,
    /// Its version: tokens carry the one that they were made from.
    #[serde(default)]
    pub ver: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NameOwner {
    user_id: UserId,
}

impl Store {
    /// Makes an account with an empty balance; the name must be free without regard to case.
    pub async fn create_account(&self, name: &Username, password_hash: String, role: Role) -> Result<Account, Failure> {
        let account = Account {
            user_id: self.context.user_id(),
            username: name.as_str().to_owned(),
            password_hash,
            role,
            created_at: self.now(),
            ver: 0,
        };
        let user = account.user_id;
        let owner = request::item(&keys::name(name), &NameOwner { user_id: user }, None)?;
        let writes = vec![
            transact_item(self.transact_put(Table::Fans, owner).condition_expression("attribute_not_exists(pk)"))?,
            transact_item(self.transact_put(Table::Fans, request::item(&keys::profile(user), &account, None)?))?,
            transact_item(
                self.transact_put(Table::Fans, request::item(&keys::balance(user), &Balance::default(), None)?),
            )?,
        ];
        match self.transact(writes).await {
            Ok(()) => Ok(account),
            // The name's is the only condition.
            Err(TransactFailure::Cancelled(_)) => Err(Refusal::UsernameTaken.into()),
            Err(TransactFailure::Contended { .. }) => Err(super::contention("create account").into()),
            Err(TransactFailure::Store(error)) => Err(error.into()),
        }
    }

    /// An account.
    ///
    /// # Errors
    /// [`Refusal::UserNotFound`].
    pub async fn account(&self, user: UserId) -> Result<Account, Failure> {
        let account: Option<Account> = self.get(&keys::profile(user), true).await?;
        account.ok_or(Failure::Refused(Refusal::UserNotFound))
    }

    /// The account with this name, if there is one.
    pub async fn account_by_name(&self, name: &Username) -> Result<Option<Account>, StoreError> {
        let owner: Option<NameOwner> = self.get(&keys::name(name), true).await?;
        // A name that nobody has is looked for as long as one that somebody has; an id of its own, so that no item is hot.
        let user = owner.map_or_else(|| self.context.user_id(), |owner| owner.user_id);
        self.get(&keys::profile(user), true).await
    }
}
