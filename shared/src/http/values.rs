//! Values in bodies that have a form of their own: times, amounts, seat numbers.

use crate::domain::{amount::Amount, layout::SeatNumber, time::Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// A time as RFC 3339 text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
pub struct Rfc3339(pub Timestamp);

impl Serialize for Rfc3339 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.rfc3339())
    }
}

impl<'de> Deserialize<'de> for Rfc3339 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Timestamp::parse_rfc3339(&text).map(Rfc3339).ok_or_else(|| D::Error::custom("must be an RFC 3339 time"))
    }
}

/// An amount that a client asks to move: a positive number, or a numeric string without a fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct RequestedAmount(pub Amount);

#[derive(Deserialize)]
#[serde(untagged)]
enum NumberOrText {
    Number(u64),
    Text(String),
}

impl<'de> Deserialize<'de> for RequestedAmount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const RULE: &str = "must be a whole amount from 1 to 1000000000000";
        let units = match NumberOrText::deserialize(deserializer).map_err(|_| D::Error::custom(RULE))? {
            NumberOrText::Number(units) => Some(units),
            NumberOrText::Text(text) if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok(),
            NumberOrText::Text(_) => None,
        };
        units.and_then(Amount::requested).map(RequestedAmount).ok_or_else(|| D::Error::custom(RULE))
    }
}

#[cfg(feature = "openapi")]
mod schema {
    use super::{Amount, RequestedAmount};
    use utoipa::{
        PartialSchema, ToSchema,
        openapi::{
            RefOr,
            schema::{ObjectBuilder, OneOfBuilder, Schema, Type},
        },
    };

    impl PartialSchema for RequestedAmount {
        fn schema() -> RefOr<Schema> {
            let number = ObjectBuilder::new().schema_type(Type::Integer);
            let number = number.minimum(Some(1)).maximum(Some(Amount::MAX_REQUEST.units()));
            let text = ObjectBuilder::new().schema_type(Type::String);
            let text = text.pattern(Some("^0*([1-9][0-9]{0,11}|1000000000000)$"));
            let description = "Whole units of the currency's minor unit: a number, or the same as text.";
            OneOfBuilder::new().item(number).item(text).description(Some(description)).into()
        }
    }

    impl ToSchema for RequestedAmount {}
}

/// A seat number that a client asks for: at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = u32, minimum = 1, maximum = 4_294_967_295u32))]
#[serde(transparent)]
pub struct RequestedSeat(pub SeatNumber);

impl<'de> Deserialize<'de> for RequestedSeat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seat = SeatNumber::new(u32::deserialize(deserializer)?);
        seat.map(RequestedSeat).ok_or_else(|| D::Error::custom("must be at least 1"))
    }
}
