//! A join counter, and what may happen to it.

use super::interval::LineTicket;
use crate::domain::ticket::Place;
use serde::Deserialize;

/// The state of one shard's join counter.
///
/// Shard 0 leads: it also says how wide its interval is. It reads as [`Counter::first`] before its first join. Any other
/// shard that was never opened has no counter, and takes no joins.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(from = "Stored")]
pub struct Counter {
    /// The highest number that was drawn, over all intervals.
    pub last: u64,
    /// The interval that the shard is in.
    pub interval: u64,
    /// `last` when that interval began.
    pub start: u64,
    /// The interval that the shard was in before.
    pub before: Option<Before>,
    /// The width that closed the shard. A closed shard takes no joins.
    pub closed: Option<u16>,
    /// What shard 0 knows of the whole queue.
    pub lead: Option<Lead>,
}

/// The interval that a shard was in before: its count there never changes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Before {
    /// The interval.
    pub interval: u64,
    /// `last` at its begin.
    pub start: u64,
    /// `last` at its end.
    pub end: u64,
}

impl Before {
    /// The numbers that were drawn in the interval.
    pub fn count(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }
}

/// What shard 0 knows of the whole queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lead {
    /// The number of shards of the interval that shard 0 is in.
    pub width: u16,
    /// The number of shards of the interval before.
    pub before_width: u16,
    /// Added to a number of the shard, it gives the place. Known only in an interval of width 1 whose predecessor is sealed.
    pub offset: Option<u64>,
}

impl Counter {
    /// Shard 0 of a queue that nobody joined.
    pub const fn first() -> Self {
        let lead = Lead { width: 1, before_width: 1, offset: Some(0) };
        Counter { last: 0, interval: 0, start: 0, before: None, closed: None, lead: Some(lead) }
    }

    /// A shard that is opened in an interval for the first time.
    pub const fn opened(interval: u64) -> Self {
        Counter { last: 0, interval, start: 0, before: None, closed: None, lead: None }
    }

    /// Draws the next number. `None` from a closed shard.
    pub fn draw(&self) -> Option<Self> {
        self.closed.is_none().then(|| Counter { last: self.last + 1, ..self.clone() })
    }

    /// The number of the last draw within its interval.
    pub fn number(&self) -> u64 {
        self.last - self.start
    }

    /// The place of the last draw, where the offset is known.
    pub fn place(&self) -> Option<u64> {
        self.lead?.offset.map(|offset| self.last + offset)
    }

    /// The place of a number that was drawn from this shard, where the shard knows it: in its interval, by the offset.
    pub fn place_of(&self, ticket: &LineTicket) -> Option<Place> {
        let offset = self.lead?.offset.filter(|_| ticket.shard == 0 && ticket.interval == self.interval)?;
        Some(Place::new(self.start + ticket.number + offset))
    }

    /// Whether places are known at the join.
    pub fn is_calm(&self) -> bool {
        self.lead.is_some_and(|lead| lead.offset.is_some())
    }

    /// Moves the shard from `interval` to the next one, which has `width` shards, and fixes the count of `interval` for ever.
    /// `None` if the shard is in another interval, where the cut must do nothing. A shard that the next interval does not
    /// have is closed.
    pub fn cut(&self, shard: u16, interval: u64, width: u16) -> Option<Self> {
        let before = Before { interval, start: self.start, end: self.last };
        (self.interval == interval).then(|| Counter {
            last: self.last,
            interval: interval + 1,
            start: self.last,
            before: Some(before),
            closed: (shard >= width).then_some(width),
            lead: self.lead.map(|lead| Lead { width, before_width: lead.width, offset: None }),
        })
    }

    /// [`Counter::cut`] of a shard as it was found. In interval 0 a shard may lack its counter, where the request that set a
    /// draw was cut off: nobody joined there, and the cut puts the counter.
    pub fn cut_found(found: Option<&Self>, shard: u16, interval: u64, width: u16) -> Option<Self> {
        match found {
            Some(counter) => counter.cut(shard, interval, width),
            None => Self::opened(0).cut(shard, interval, width),
        }
    }

    /// Opens a shard in an interval: one that was never opened, or was closed in an earlier interval. `None` for any other,
    /// where opening must do nothing.
    pub fn open(found: Option<&Self>, interval: u64) -> Option<Self> {
        match found {
            None => Some(Self::opened(interval)),
            Some(shard) => (shard.closed.is_some() && shard.interval < interval).then(|| Counter {
                interval,
                start: shard.last,
                closed: None,
                ..shard.clone()
            }),
        }
    }

    /// Sets the offset of shard 0, if it is still in the `interval` that the offset was computed for.
    pub fn with_offset(&self, interval: u64, offset: u64) -> Option<Self> {
        let lead = self.lead.filter(|_| self.interval == interval)?;
        Some(Counter { lead: Some(Lead { offset: Some(offset), ..lead }), ..self.clone() })
    }
}

/// A counter as it is stored: flat, and without what it has from the start.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stored {
    #[serde(default)]
    last: u64,
    interval: Option<u64>,
    start: Option<u64>,
    before_interval: Option<u64>,
    before_start: Option<u64>,
    before_end: Option<u64>,
    closed: Option<u16>,
    width: Option<u16>,
    before_width: Option<u16>,
    offset: Option<u64>,
}

impl From<Stored> for Counter {
    fn from(stored: Stored) -> Self {
        let Some(interval) = stored.interval else { return Counter { last: stored.last, ..Counter::first() } };
        let before = match (stored.before_interval, stored.before_start, stored.before_end) {
            (Some(interval), Some(start), Some(end)) => Some(Before { interval, start, end }),
            _ => None,
        };
        let lead = stored.width.map(|width| Lead {
            width,
            before_width: stored.before_width.unwrap_or(1),
            offset: stored.offset,
        });
        let start = stored.start.unwrap_or_default();
        Counter { last: stored.last, interval, start, before, closed: stored.closed, lead }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_fixes_the_count_and_closes_what_the_next_interval_lacks() {
        let wide = Counter::first().draw().unwrap().cut(0, 0, 3).unwrap();
        assert_eq!(wide.before, Some(Before { interval: 0, start: 0, end: 1 }));
        assert_eq!((wide.number(), wide.place()), (0, None), "the offset is gone");
        assert_eq!(wide.cut(0, 0, 3), None, "each cut happens once");
        let shard = Counter::open(None, 1).unwrap().draw().unwrap();
        assert_eq!(Counter::open(Some(&shard), 2), None, "open already");
        let closed = shard.cut(2, 1, 2).unwrap();
        assert_eq!((closed.closed, closed.draw()), (Some(2), None));
        assert_eq!(Counter::open(Some(&closed), 2), None, "closed in this very interval");
        let again = Counter::open(Some(&closed), 3).unwrap().draw().unwrap();
        assert_eq!((again.number(), again.last), (1, 2));
    }

    #[test]
    fn an_offset_is_set_only_in_its_interval() {
        let calm = Counter::first().draw().unwrap().cut(0, 0, 1).unwrap().draw().unwrap();
        assert_eq!(calm.place(), None);
        assert_eq!(calm.with_offset(0, 7), None);
        let calm = calm.with_offset(1, 7).unwrap();
        assert_eq!(calm.place(), Some(9));
        let place = |interval, shard| calm.place_of(&LineTicket { interval, shard, number: 1 }).map(Place::get);
        assert_eq!((place(1, 0), place(0, 0), place(1, 1)), (Some(9), None, None));
    }

    #[test]
    fn a_cut_puts_a_counter_only_in_the_first_interval() {
        let cut = Counter::cut_found(None, 3, 0, 2).unwrap();
        assert_eq!((cut.before.unwrap().count(), cut.closed), (0, Some(2)));
        assert_eq!(Counter::cut_found(None, 3, 1, 2), None);
    }
}
