//! Time, randomness and ids come in through a context, so that a test or a simulation can supply its own.

use crate::{
    domain::{
        id::{ConcertId, EntryId, EventId, ReservationId, TicketId, UserId},
        time::Timestamp,
    },
    telemetry::{meter::measure, metric::Metric},
};
use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use uuid::{NoContext, Uuid};

/// A source of time.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;
}

/// A source of random bits that are fit for secrets.
pub trait Entropy: Send + Sync {
    /// 128 random bits.
    fn bits(&self) -> u128;
}

/// The clock of the machine.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// The operating system's randomness.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn bits(&self) -> u128 {
        let mut bytes = [0; 16];
        aws_lc_rs::rand::fill(&mut bytes).expect("the operating system gives random bits");
        u128::from_be_bytes(bytes)
    }
}

/// Where time, randomness and ids come from.
#[derive(Clone)]
pub struct Context {
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Context")
    }
}

impl Context {
    /// A context with the machine's clock and randomness.
    pub fn system() -> Self {
        Self::new(Arc::new(SystemClock), Arc::new(SystemEntropy))
    }

    /// A context with this clock and randomness.
    pub fn new(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Context { clock, entropy }
    }

    /// The time by the context's clock.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// 128 random bits.
    pub fn bits(&self) -> u128 {
        self.entropy.bits()
    }

    /// A random number from 0 to 1.
    pub fn chance(&self) -> f64 {
        (self.bits() >> 96) as f64 / f64::from(u32::MAX)
    }

    /// A new fan's id: random, so that it reveals nothing.
    pub fn user_id(&self) -> UserId {
        UserId(self.random_uuid())
    }

    /// A new ticket's id.
    pub fn ticket_id(&self) -> TicketId {
        TicketId(self.random_uuid())
    }

    /// A new id for the ledger entry of a recharge.
    pub fn entry_id(&self) -> EntryId {
        EntryId(self.random_uuid())
    }

    /// A new alarm's id.
    pub fn alarm_id(&self) -> Uuid {
        self.random_uuid()
    }

    /// A new id for the deletion of a queue.
    pub fn deletion_id(&self) -> Uuid {
        self.random_uuid()
    }

    /// A new concert's id: version 7, so that it says when the concert was created.
    pub fn concert_id(&self) -> ConcertId {
        ConcertId(self.uuid_of_now())
    }

    /// A new event's id.
    pub fn event_id(&self) -> EventId {
        EventId(self.random_uuid())
    }

    /// A new reservation's id: version 7, so that a fan's reservations sort by time.
    pub fn reservation_id(&self) -> ReservationId {
        ReservationId(self.uuid_of_now())
    }

    /// Waits a random time before a retry: at most 10 ms after attempt 0, twice as long after each further attempt, and
    /// never more than 250 ms. Counts as a conflict with another writer.
    pub async fn back_off(&self, attempt: u32) {
        measure(Metric::Conflicts, 1.0);
        let ceiling = 10u64 << attempt.min(5);
        let jitter = (self.bits() % u128::from(ceiling.min(250))) as u64;
        tokio::time::sleep(Duration::from_millis(jitter + 1)).await;
    }

    /// A new client token, by which DynamoDB recognizes copies of one transaction.
    pub fn client_token(&self) -> String {
        self.random_uuid().to_string()
    }

    /// A UUID of version 7: the time, then random bits.
    fn uuid_of_now(&self) -> Uuid {
        let now = self.now().millis().unsigned_abs();
        let stamp = uuid::Timestamp::from_unix(NoContext, now / 1000, (now % 1000 * 1_000_000) as u32);
        let time_bits = Uuid::new_v7(stamp).as_u128() & (u128::MAX << 80);
        let bytes = (time_bits | (self.bits() & ((1 << 80) - 1))).to_be_bytes();
        let mut builder = uuid::Builder::from_bytes(bytes);
        builder.set_version(uuid::Version::SortRand).set_variant(uuid::Variant::RFC4122);
        builder.into_uuid()
    }

    fn random_uuid(&self) -> Uuid {
        uuid::Builder::from_random_bytes(self.bits().to_be_bytes()).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reservation_ids_sort_by_time_and_concert_ids_say_it() {
        struct At(i64);
        impl Clock for At {
            fn now(&self) -> Timestamp {
                Timestamp::from_millis(self.0)
            }
        }
        let context = |millis| Context::new(Arc::new(At(millis)), Arc::new(SystemEntropy));
        let id = |millis| context(millis).reservation_id();
        assert_eq!(id(5).0.get_version_num(), 7);
        assert!(id(1_000_000_000_001) < id(1_000_000_000_002));
        for millis in [5, 1_795_176_000_999] {
            assert_eq!(context(millis).concert_id().created_at(), Timestamp::from_millis(millis));
        }
    }
}
