//! Sealed intervals, and the places that they give.

use super::draw::Seed;
use crate::domain::{ticket::Place, time::Timestamp};
use serde::{Deserialize, Serialize};

/// A number that a fan drew in a shard. Its place is known once the interval is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LineTicket {
    /// The interval, from 0.
    pub interval: u64,
    /// The shard, from 0.
    pub shard: u16,
    /// The number within the shard and the interval, from 1.
    pub number: u64,
}

/// How many numbers were drawn in each shard of an interval.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Counts(Vec<u32>);

/// Why counts are not valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCounts {
    /// A count is refused rather than cut off: two fans would get one place.
    #[error("the count of a shard does not fit in 32 bits")]
    TooLarge,
    /// Four bytes a shard.
    #[error("counts are four bytes each")]
    Length,
}

impl Counts {
    /// The counts of the shards, in their order.
    ///
    /// # Errors
    /// [`InvalidCounts::TooLarge`] from 2^32 on.
    pub fn new(counts: impl IntoIterator<Item = u64>) -> Result<Self, InvalidCounts> {
        let counts = counts.into_iter().map(|count| u32::try_from(count).map_err(|_| InvalidCounts::TooLarge));
        Ok(Counts(counts.collect::<Result<_, _>>()?))
    }

    /// The canonical form: each count as four bytes, the highest first, in the order of the shards.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|count| count.to_be_bytes()).collect()
    }

    /// Reads the canonical form.
    ///
    /// # Errors
    /// [`InvalidCounts::Length`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidCounts> {
        let (counts, rest) = bytes.as_chunks::<4>();
        if rest.is_empty() {
            Ok(Counts(counts.iter().map(|count| u32::from_be_bytes(*count)).collect()))
        } else {
            Err(InvalidCounts::Length)
        }
    }

    /// The counts, by shard.
    pub fn as_slice(&self) -> &[u32] {
        &self.0
    }

    /// All numbers of the interval.
    pub fn sum(&self) -> u64 {
        self.0.iter().map(|count| u64::from(*count)).sum()
    }

    /// Whether the interval has this number.
    fn has(&self, shard: u16, number: u64) -> bool {
        let count = self.0.get(usize::from(shard)).copied().unwrap_or_default();
        (1..=u64::from(count)).contains(&number)
    }

    /// The rank of a number, from 1. Ranks are interleaved: the first numbers of all shards come before the second ones,
    /// since they were drawn at about the same time.
    fn rank(&self, shard: u16, number: u64) -> u64 {
        let earlier: u64 = self.0.iter().map(|count| u64::from(*count).min(number - 1)).sum();
        let beside = self.0.iter().take(usize::from(shard) + 1).filter(|count| u64::from(**count) >= number).count();
        earlier + beside as u64
    }

    /// The index of a number in a draw, from 0: shard by shard.
    fn index(&self, shard: u16, number: u64) -> u64 {
        let before: u64 = self.0.iter().take(usize::from(shard)).map(|count| u64::from(*count)).sum();
        before + number - 1
    }
}

/// The record of a sealed interval. It never changes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Interval {
    /// Which interval, from 0.
    pub interval: u64,
    /// The last place of the interval before.
    pub base: Place,
    /// The numbers that were drawn, by shard.
    pub counts: Counts,
    /// When it was sealed.
    pub sealed_at: Timestamp,
    /// Of a draw, what gives the ranks; otherwise ranks go by number.
    pub seed: Option<Seed>,
}

impl Interval {
    /// The last place of the interval.
    pub fn end(&self) -> Place {
        self.base.plus(self.counts.sum())
    }

    /// The place of a ticket. `None` for a ticket that the interval does not have.
    pub fn place(&self, ticket: &LineTicket) -> Option<Place> {
        let LineTicket { interval, shard, number } = *ticket;
        if interval != self.interval || !self.counts.has(shard, number) {
            return None;
        }
        let rank = match &self.seed {
            None => self.counts.rank(shard, number),
            Some(seed) => seed.permute(self.counts.index(shard, number), self.counts.sum()) + 1,
        };
        Some(self.base.plus(rank))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::line::Secret;
    use proptest::prelude::*;

    fn interval(counts: &[u64], seed: Option<Seed>) -> Interval {
        let counts = Counts::new(counts.iter().copied()).unwrap();
        Interval { interval: 4, base: Place::new(1_000), counts, sealed_at: Timestamp::DISTANT_PAST, seed }
    }

    fn places(interval: &Interval) -> Vec<u64> {
        let tickets = interval.counts.as_slice().iter().zip(0u16..).flat_map(|(count, shard)| {
            (1..=u64::from(*count)).map(move |number| LineTicket { interval: 4, shard, number })
        });
        tickets.map(|ticket| interval.place(&ticket).unwrap().get()).collect()
    }

    #[test]
    fn ranks_are_interleaved() {
        assert_eq!(places(&interval(&[3, 1, 2], None)), [1_001, 1_004, 1_006, 1_002, 1_003, 1_005]);
    }

    #[test]
    fn counts_have_32_bits() {
        let many = interval(&[5_000_000], None);
        assert_eq!(many.place(&LineTicket { interval: 4, shard: 0, number: 5_000_000 }), Some(many.end()));
        assert_eq!(Counts::new([1 << 32]), Err(InvalidCounts::TooLarge));
        let counts = Counts::new([1, 70_000, u64::from(u32::MAX)]).unwrap();
        assert_eq!(counts.to_bytes(), [0, 0, 0, 1, 0, 1, 0x11, 0x70, 255, 255, 255, 255]);
        assert_eq!(Counts::from_bytes(&counts.to_bytes()), Ok(counts));
        assert_eq!(Counts::from_bytes(&[0; 6]), Err(InvalidCounts::Length));
    }

    #[test]
    fn a_ticket_of_another_interval_has_no_place() {
        let two = interval(&[2], None);
        for (interval, shard, number) in [(3, 0, 1), (4, 1, 1), (4, 0, 0), (4, 0, 3)] {
            assert_eq!(two.place(&LineTicket { interval, shard, number }), None);
        }
    }

    proptest! {
        #[test]
        fn each_place_is_given_once_and_none_is_left_out(counts in prop::collection::vec(0u64..40, 1..9), lots: bool) {
            let seed = lots.then(|| Secret([7; 32]).seed(&Counts::new(counts.iter().copied()).unwrap()));
            let interval = interval(&counts, seed);
            let mut places = places(&interval);
            places.sort_unstable();
            prop_assert_eq!(places, (1_001..=interval.end().get()).collect::<Vec<_>>());
        }

        #[test]
        fn a_shard_keeps_the_order_of_its_numbers(counts in prop::collection::vec(1u64..40, 1..9)) {
            let interval = interval(&counts, None);
            let mut all = places(&interval).into_iter();
            for count in counts {
                let shard: Vec<u64> = all.by_ref().take(count as usize).collect();
                prop_assert!(shard.is_sorted());
            }
        }
    }
}
