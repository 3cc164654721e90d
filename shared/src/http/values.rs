//! Values in bodies that have a form of their own: times, amounts, seat numbers.

use crate::domain::{
    amount::Amount,
    layout::{Layout, SeatNumber},
    time::Timestamp,
};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, Unexpected, Visitor},
};
use std::fmt;

/// A point in time as RFC 3339 text. Answers are in UTC with milliseconds; requests may use any offset, in the years 1970
/// to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime, example = "2026-12-01T09:00:00.000Z", pattern = "^(19[7-9][0-9]|[2-9][0-9]{3})-"))]
pub struct Rfc3339(pub Timestamp);

impl Serialize for Rfc3339 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.rfc3339())
    }
}

impl<'de> Deserialize<'de> for Rfc3339 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Timestamp::parse_rfc3339(&text)
            .map(Rfc3339)
            .ok_or_else(|| D::Error::custom("must be an RFC 3339 time of the years 1970 to 9999"))
    }
}

/// An amount that a client asks to move: a positive number, or a numeric string without a fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct RequestedAmount(pub Amount);

/// The price that an admin asks for a seat: as an amount, and at most an eighth of what a request may move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct RequestedPrice(pub Amount);

/// Accepts an amount from 1 to this one.
struct AmountVisitor(Amount);

impl AmountVisitor {
    fn in_range(&self, units: u64) -> Option<Amount> {
        Amount::requested(units).filter(|amount| *amount <= self.0)
    }
}

impl Visitor<'_> for AmountVisitor {
    type Value = Amount;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "must be a whole amount from 1 to {}", self.0.units())
    }

    fn visit_u64<E: Error>(self, units: u64) -> Result<Amount, E> {
        self.in_range(units).ok_or_else(|| E::invalid_value(Unexpected::Unsigned(units), &self))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Amount, E> {
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        let units = if digits { text.parse().ok() } else { None };
        units.and_then(|units| self.in_range(units)).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}

impl<'de> Deserialize<'de> for RequestedAmount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AmountVisitor(Amount::MAX_REQUEST)).map(RequestedAmount)
    }
}

impl<'de> Deserialize<'de> for RequestedPrice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AmountVisitor(Amount::MAX_PRICE)).map(RequestedPrice)
    }
}

/// A whole number from `MIN` to `MAX`. A number with a fraction is refused, even where the fraction is zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Whole<const MIN: u32, const MAX: u32>(pub u32);

struct WholeVisitor<const MIN: u32, const MAX: u32>;

impl<const MIN: u32, const MAX: u32> Visitor<'_> for WholeVisitor<MIN, MAX> {
    type Value = u32;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "must be a whole number from {MIN} to {MAX}")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<u32, E> {
        let whole = u32::try_from(number).ok().filter(|whole| (MIN..=MAX).contains(whole));
        whole.ok_or_else(|| E::invalid_value(Unexpected::Unsigned(number), &self))
    }
}

impl<'de, const MIN: u32, const MAX: u32> Deserialize<'de> for Whole<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_u64(WholeVisitor::<MIN, MAX>).map(Whole)
    }
}

#[cfg(feature = "openapi")]
pub use schema::price;

#[cfg(feature = "openapi")]
mod schema {
    use super::{Amount, RequestedAmount};
    use crate::domain::{
        text::{FLAG, FLAG_END, FLAG_TAGS, Text, UNSEEN, refused},
        zone::TimeZone,
    };
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
            let description =
                "An amount in the currency's minor unit: a whole number, or the same as text (`50000` or `\"50000\"`).";
            amount(Amount::MAX_REQUEST, "^0*([1-9][0-9]{0,11}|1000000000000)$", description)
        }
    }

    /// The schema of a seat's price.
    pub fn price() -> RefOr<Schema> {
        let most = "1[01][0-9]{10}|12[0-4][0-9]{9}|125000000000";
        let description = "The price of each seat, in the currency's minor unit: a whole number from 1 to 125,000,000,000, \
                           or the same as text.";
        amount(Amount::MAX_PRICE, &format!("^0*([1-9][0-9]{{0,10}}|{most})$"), description)
    }

    fn amount(most: Amount, pattern: &str, description: &str) -> RefOr<Schema> {
        let number = ObjectBuilder::new().schema_type(Type::Integer);
        let number = number.minimum(Some(1)).maximum(Some(most.units()));
        let text = ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern));
        let either = OneOfBuilder::new().item(number).item(text).examples([50_000]);
        either.description(Some(description)).into()
    }

    impl ToSchema for RequestedAmount {}

    impl PartialSchema for TimeZone {
        fn schema() -> RefOr<Schema> {
            let text = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(TimeZone::names()));
            let description = "A time zone by its name in the IANA database.";
            text.examples(["Asia/Seoul"]).description(Some(description)).into()
        }
    }

    impl ToSchema for TimeZone {}

    impl<const MIN: usize, const MAX: usize, const LINES: bool> PartialSchema for Text<MIN, MAX, LINES> {
        fn schema() -> RefOr<Schema> {
            // Escaped where four digits suffice, which every dialect of patterns reads.
            let escaped = |character: char| match u32::from(character) {
                number @ ..=0xffff => format!(r"\u{number:04x}"),
                _ => character.to_string(),
            };
            let range = |(first, last): (char, char)| match first == last {
                true => escaped(first),
                false => format!("{}-{}", escaped(first), escaped(last)),
            };
            let allowed = |range: &(char, char)| LINES && matches!(range, ('\n', '\n') | ('\r', '\r'));
            let refused: String = refused().filter(|range| !allowed(range)).map(range).collect();
            let unseen = UNSEEN.map(range).concat();
            let flag = format!("{FLAG}[{}]+{FLAG_END}", range(FLAG_TAGS));
            let any = format!("(?:[^{refused}]|{flag})*");
            // At least one character is visible.
            let shown = format!(r"{any}(?:[^\s{refused}{unseen}]|{flag}){any}");
            let pattern = if MIN == 0 { format!("^(?:{shown})?$") } else { format!("^{shown}$") };
            let text = ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern));
            let description = "A text for people to read. It is stored in Unicode NFC, and the length counts code points in \
                               that form. It must show something: not only blanks, and no control characters, fillers, \
                               noncharacters, tags (but in an emoji flag) or other invisible characters.";
            text.min_length(Some(MIN)).max_length(Some(MAX)).description(Some(description)).into()
        }
    }

    impl<const MIN: usize, const MAX: usize, const LINES: bool> ToSchema for Text<MIN, MAX, LINES> {
        fn name() -> Cow<'static, str> {
            Cow::Owned(format!("TextOf{MIN}To{MAX}"))
        }
    }
}

/// The number of a seat as the seat map shows it, at least 1. A number that the concert lacks is 404 `seat_not_found`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = u32, minimum = 1, maximum = 4_294_967_295u32, example = 12))]
#[serde(transparent)]
pub struct RequestedSeat(pub SeatNumber);

impl<'de> Deserialize<'de> for RequestedSeat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        seat::<{ u32::MAX }, D>(deserializer).map(RequestedSeat)
    }
}

/// The number of a seat that a concert is to have.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(transparent)]
pub struct PlannedSeat(pub SeatNumber);

impl<'de> Deserialize<'de> for PlannedSeat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        seat::<{ Layout::MAX_SEATS }, D>(deserializer).map(PlannedSeat)
    }
}

fn seat<'de, const MAX: u32, D: Deserializer<'de>>(deserializer: D) -> Result<SeatNumber, D::Error> {
    let Whole(number) = Whole::<1, MAX>::deserialize(deserializer)?;
    SeatNumber::new(number).ok_or_else(|| D::Error::custom("must be at least 1"))
}
