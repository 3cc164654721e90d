//! Cursors: where a page of a list starts. They are opaque to clients, and signed, so that clients cannot make their
//! own.

use super::{Call, Problem};
use crate::{
    context::Context,
    secrets::{Key, Secrets},
};
use aws_lc_rs::hmac::{self, Tag};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use std::{
    str::{self, FromStr},
    sync::Arc,
};

const TAG_BYTES: usize = 32;

/// A list with pages. A cursor is valid for one kind of list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// Concerts by start.
    Dates,
    /// A fan's ledger.
    Ledger,
    /// A fan's reservations.
    Reservations,
    /// The seats of a concert.
    Seats,
    /// The deliveries of a webhook.
    Deliveries,
}

/// Signs and verifies cursors, with keys from the signing secret.
pub struct Cursors {
    secrets: Arc<Secrets>,
    context: Context,
}

impl Cursors {
    /// Cursors under the keys of the signing secret.
    pub fn new(secrets: Arc<Secrets>, context: Context) -> Self {
        Cursors { secrets, context }
    }

    /// The cursor of a position: the signature and the position, in base64url.
    pub fn write(&self, list: List, position: &str) -> String {
        let keyring = self.secrets.keyring();
        let key = keyring.as_ref().map(|keyring| &keyring.signer(self.context.now()).cursors);
        let tag = key.map(|key| hmac::sign(key, signed(list, position).as_bytes()));
        let tag = tag.as_ref().map(Tag::as_ref).unwrap_or_default();
        BASE64_URL_SAFE_NO_PAD.encode([tag, position.as_bytes()].concat())
    }

    /// The position in `?cursor=`; `None` for the first page, where the cursor is missing or empty.
    ///
    /// # Errors
    /// 400 for any other text that is not a cursor of this list.
    pub fn read<T: FromStr>(&self, call: &Call, list: List) -> Result<Option<T>, Problem> {
        let position = call.query_with("cursor", |text| {
            if text.is_empty() {
                return Ok(None);
            }
            let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok();
            let position = bytes.as_deref().and_then(|bytes| self.position(list, bytes));
            let position = position.and_then(|position| position.parse().ok());
            position.map(Some).ok_or_else(|| "is not a cursor of this list".to_owned())
        })?;
        Ok(position.flatten())
    }

    fn position<'a>(&self, list: List, cursor: &'a [u8]) -> Option<&'a str> {
        let (tag, position) = cursor.split_at_checked(TAG_BYTES)?;
        let position = str::from_utf8(position).ok()?;
        let signed = signed(list, position);
        let keyring = self.secrets.keyring()?;
        let made = |key: &Key| hmac::verify(&key.cursors, signed.as_bytes(), tag).is_ok();
        keyring.keys().iter().any(made).then_some(position)
    }
}

fn signed(list: List, position: &str) -> String {
    format!("{list:?}\n{position}")
}
