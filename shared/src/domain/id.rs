//! Typed ids. An id that reaches a table key was parsed here first.

use super::time::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use std::{fmt, str::FromStr};
use uuid::Uuid;

/// The rule of an id that a text breaks, in words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidId(pub &'static str);

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            /// Takes the hyphenated form only, so that one id has one spelling up to letter case.
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                if text.len() != 36 {
                    return Err(InvalidId("must be a UUID"));
                }
                Uuid::try_parse(text).map($name).map_err(|_| InvalidId("must be a UUID"))
            }
        }
    };
}

uuid_id!(
    /// The id of a fan's account, a UUID. `POST /api/v1/users` and the login return it.
    UserId
);
uuid_id!(
    /// The id of a concert, a UUID. A concert is one performance on one date.
    ConcertId
);
impl ConcertId {
    /// When the concert was created, which the ids that this system makes say; the distant past for any other id.
    pub fn created_at(self) -> Timestamp {
        let since_1970 = self.0.get_timestamp().map(|stamp| stamp.to_unix());
        let millis = since_1970.map(|(seconds, nanos)| seconds * 1_000 + u64::from(nanos / 1_000_000));
        millis.and_then(|millis| i64::try_from(millis).ok()).map_or(Timestamp::DISTANT_PAST, Timestamp::from_millis)
    }
}

uuid_id!(
    /// The id of a production, a UUID. It groups the concerts of one tour or show.
    EventId
);
uuid_id!(
    /// The id of a reservation, a UUID. A reservation is one hold of one or several seats, and what became of it.
    ReservationId
);
uuid_id!(
    /// The id of a payment, a UUID. A reservation has at most one payment.
    PaymentId
);
uuid_id!(
    /// The id of a ticket, a UUID: the `jti` of the queue token.
    TicketId
);
uuid_id!(
    /// The id of a recharge without an idempotency key, a UUID. It is stored in the ledger entry.
    EntryId
);

const VERSION_BYTE: usize = 6;
const RESERVATION_VERSION: u8 = 7;
const PAYMENT_VERSION: u8 = 8;

fn with_version(id: Uuid, version: u8) -> Uuid {
    let mut bytes = *id.as_bytes();
    bytes[VERSION_BYTE] = (bytes[VERSION_BYTE] & 0x0f) | (version << 4);
    Uuid::from_bytes(bytes)
}

impl PaymentId {
    /// The payment of a reservation: the same bits with UUID version 8, so that either is found from the other.
    pub fn of(reservation: ReservationId) -> Self {
        PaymentId(with_version(reservation.0, PAYMENT_VERSION))
    }

    /// The reservation that this payment is of; `None` for an id that no payment can have.
    pub fn reservation(self) -> Option<ReservationId> {
        (self.0.as_bytes()[VERSION_BYTE] >> 4 == PAYMENT_VERSION)
            .then(|| ReservationId(with_version(self.0, RESERVATION_VERSION)))
    }
}

/// The id of a queue: 1 to 32 lower-case letters, digits and hyphens. The queue `main` is created by its first use.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = String, pattern = "^[a-z0-9-]{1,32}$", example = "main"))]
#[serde(try_from = "String", into = "String")]
pub struct QueueId(String);

impl QueueId {
    /// The queue of a concert that names none.
    pub fn main() -> Self {
        QueueId("main".to_owned())
    }

    /// Whether this is `main`, which is created by its first use.
    pub fn is_main(&self) -> bool {
        self.0 == "main"
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for QueueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for QueueId {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let slug = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if (1..=32).contains(&text.len()) && slug {
            Ok(QueueId(text.to_owned()))
        } else {
            Err(InvalidId("must be 1 to 32 of a-z, 0-9 and -"))
        }
    }
}

impl TryFrom<String> for QueueId {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<QueueId> for String {
    fn from(id: QueueId) -> String {
        id.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_payment_leads_back_to_its_reservation(bits: u128) {
            let reservation = ReservationId(with_version(Uuid::from_u128(bits), RESERVATION_VERSION));
            let payment = PaymentId::of(reservation);
            prop_assert_eq!(payment.0.get_version_num(), 8);
            prop_assert_eq!(payment.reservation(), Some(reservation));
            prop_assert_eq!(PaymentId(reservation.0).reservation(), None);
        }

        #[test]
        fn a_queue_id_holds_nothing_but_slug_letters(text in "\\PC{0,40}") {
            if let Ok(id) = text.parse::<QueueId>() {
                prop_assert!(!id.as_str().contains('#') && !id.as_str().is_empty());
            }
        }
    }

    #[test]
    fn a_uuid_is_accepted_only_with_hyphens() {
        assert!("6f9619ff8b86d011b42d00cf4fc964ff".parse::<UserId>().is_err());
        assert!("{6f9619ff-8b86-d011-b42d-00cf4fc964ff}".parse::<UserId>().is_err());
        assert!("6f9619ff-8b86-d011-b42d-00cf4fc964ff".parse::<UserId>().is_ok());
    }
}
