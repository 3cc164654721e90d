//! Values in bodies that have a form of their own: times, amounts, seat numbers.

use crate::domain::{amount::Amount, layout::SeatNumber, time::Timestamp};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, Unexpected, Visitor},
};
use std::fmt;

/// A time as RFC 3339 text, in the years 1970 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime, pattern = "^(19[7-9][0-9]|[2-9][0-9]{3})-"))]
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

struct AmountVisitor;

impl Visitor<'_> for AmountVisitor {
    type Value = Amount;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("must be a whole amount from 1 to 1000000000000")
    }

    fn visit_u64<E: Error>(self, units: u64) -> Result<Amount, E> {
        Amount::requested(units).ok_or_else(|| E::invalid_value(Unexpected::Unsigned(units), &self))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Amount, E> {
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        let units = if digits { text.parse().ok() } else { None };
        units.and_then(Amount::requested).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}

impl<'de> Deserialize<'de> for RequestedAmount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AmountVisitor).map(RequestedAmount)
    }
}

#[cfg(feature = "openapi")]
pub use schema::price;

#[cfg(feature = "openapi")]
mod schema {
    use super::{Amount, RequestedAmount};
    use crate::domain::text::{INVISIBLE, Text};
    use std::borrow::Cow;
    use utoipa::{
        PartialSchema, ToSchema,
        openapi::{
            RefOr,
            schema::{ObjectBuilder, OneOfBuilder, Schema, Type},
        },
    };

    impl PartialSchema for RequestedAmount {
        fn schema() -> RefOr<Schema> {
            amount(Amount::MAX_REQUEST, "^0*([1-9][0-9]{0,11}|1000000000000)$")
        }
    }

    /// The schema of a seat's price.
    pub fn price() -> RefOr<Schema> {
        let most = "1[01][0-9]{10}|12[0-4][0-9]{9}|125000000000";
        amount(Amount::MAX_PRICE, &format!("^0*([1-9][0-9]{{0,10}}|{most})$"))
    }

    fn amount(most: Amount, pattern: &str) -> RefOr<Schema> {
        let number = ObjectBuilder::new().schema_type(Type::Integer);
        let number = number.minimum(Some(1)).maximum(Some(most.units()));
        let text = ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern));
        let description = "Whole units of the currency's minor unit: a number without a fraction, or the same as text.";
        OneOfBuilder::new().item(number).item(text).description(Some(description)).into()
    }

    impl ToSchema for RequestedAmount {}

    impl<const LEAST: usize, const MOST: usize> PartialSchema for Text<LEAST, MOST> {
        fn schema() -> RefOr<Schema> {
            let range = |(first, last)| match (u32::from(first), u32::from(last)) {
                (first, last) if first == last => format!(r"\u{first:04x}"),
                (first, last) => format!(r"\u{first:04x}-\u{last:04x}"),
            };
            let invisible = INVISIBLE.map(range).concat();
            let pattern = match LEAST {
                0 => format!("^[^{invisible}]*$"),
                // One of them is not a space.
                _ => format!(r"^[^{invisible}]*[^\s{invisible}][^{invisible}]*$"),
            };
            let text = ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern));
            text.min_length(Some(LEAST)).max_length(Some(MOST)).into()
        }
    }

    impl<const LEAST: usize, const MOST: usize> ToSchema for Text<LEAST, MOST> {
        fn name() -> Cow<'static, str> {
            Cow::Owned(format!("TextOf{LEAST}To{MOST}"))
        }
    }
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
