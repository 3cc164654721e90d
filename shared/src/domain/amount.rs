//! Money: whole minor units of the deployment's currency, never floating point.

use serde::{Deserialize, Serialize};
use std::iter::Sum;

/// An amount of money as a whole number of the currency's minor unit, zero or more: 50000 is 50,000 won with `KRW` and
/// 500.00 euros with `EUR`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = u64, minimum = 0, example = 50_000))]
#[serde(transparent)]
pub struct Amount(u64);

impl Amount {
    /// No money.
    pub const ZERO: Amount = Amount(0);
    /// The largest amount that one request may move.
    pub const MAX_REQUEST: Amount = Amount(1_000_000_000_000);
    /// The highest price of a seat, so that the eight seats of a reservation can be paid in one request.
    pub const MAX_PRICE: Amount = Amount(Self::MAX_REQUEST.0 / 8);
    /// The highest balance that a charge may lead to: the largest integer that every client reads exactly from JSON.
    pub const MAX_BALANCE: Amount = Amount(9_007_199_254_740_991);

    /// An amount of any number of minor units.
    pub const fn new(units: u64) -> Self {
        Amount(units)
    }

    /// An amount that a client asks to move: from 1 to [`Amount::MAX_REQUEST`], else `None`.
    pub fn requested(units: u64) -> Option<Self> {
        (1..=Self::MAX_REQUEST.0).contains(&units).then_some(Amount(units))
    }

    /// The number of minor units.
    pub const fn units(self) -> u64 {
        self.0
    }

    /// The sum; `None` above [`Amount::MAX_BALANCE`].
    pub fn plus(self, other: Amount) -> Option<Amount> {
        self.0.checked_add(other.0).map(Amount).filter(|sum| *sum <= Self::MAX_BALANCE)
    }

    /// The sum with a refund, which may exceed [`Amount::MAX_BALANCE`]. It cannot overflow in practice: that would take
    /// ten million payments of [`Amount::MAX_REQUEST`].
    pub const fn plus_refund(self, refund: Amount) -> Amount {
        Amount(self.0.saturating_add(refund.0))
    }

    /// The difference; `None` below zero.
    pub fn minus(self, other: Amount) -> Option<Amount> {
        self.0.checked_sub(other.0).map(Amount)
    }
}

impl Sum for Amount {
    fn sum<I: Iterator<Item = Amount>>(amounts: I) -> Amount {
        Amount(amounts.map(|a| a.0).sum())
    }
}
