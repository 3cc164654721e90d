//! Builders of the keys of all items. Their arguments are typed, so nothing unparsed reaches a key.

use crate::domain::{
    account::Username,
    concert::Concert,
    id::{ConcertId, EventId, QueueId, ReservationId, UserId},
    layout::{Chunk, SeatNumber},
    limit::{LimitedAction, Window},
    line::LineTicket,
    ticket::{Place, QueueClock},
    time::{Minute, Timestamp},
};
use uuid::Uuid;

mod webhooks;

pub use webhooks::*;

/// One of the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Table {
    /// Accounts, ledgers, reservations, idempotency records.
    Fans,
    /// Concerts and their layouts, seats, seat counts and due items, the listings, and the sales of queues.
    Concerts,
    /// Queue states, lines, intervals, VOIDs, samples, alarms, tickets, sessions, the registry of queues, webhooks with their
    /// deliveries, histories, and the cursor of `reconcile`.
    Queues,
    /// Counters against abuse.
    Limits,
    /// Join counters.
    Joins,
}

/// The key of an item, with its table.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    /// The table.
    pub table: Table,
    /// Partition key.
    pub pk: String,
    /// Sort key.
    pub sk: String,
}

fn key(table: Table, pk: String, sk: impl Into<String>) -> Key {
    Key { table, pk, sk: sk.into() }
}

/// An item that never exists. Reading it shows whether DynamoDB answers, without loading anybody's partition.
pub fn health() -> Key {
    key(Table::Queues, "HEALTH".to_owned(), "HEALTH")
}

/// The prefix of the partitions of fans.
pub const FAN_PREFIX: &str = "FAN#";

fn fan(user: UserId, sk: impl Into<String>) -> Key {
    key(Table::Fans, format!("{FAN_PREFIX}{user}"), sk)
}

/// The fan whose partition this is.
pub(crate) fn fan_of(partition: &str) -> Option<UserId> {
    partition.strip_prefix(FAN_PREFIX)?.parse().ok()
}

/// An account.
pub fn profile(user: UserId) -> Key {
    fan(user, "PROFILE")
}

/// The item that makes a user name unique.
pub fn name(name: &Username) -> Key {
    key(Table::Fans, format!("NAME#{}", name.folded()), "NAME")
}

/// The partition that lists the accounts with a role other than fan.
pub const STAFF_PARTITION: &str = "STAFF";

/// An account in the list of those with a role other than fan.
pub fn staff(user: UserId) -> Key {
    key(Table::Fans, STAFF_PARTITION.to_owned(), user.to_string())
}

/// The prefix of the sort keys of ledger entries.
pub const LEDGER_PREFIX: &str = "LEDGER#";

/// One ledger entry.
pub fn ledger(user: UserId, sequence: u64) -> Key {
    fan(user, format!("{LEDGER_PREFIX}{sequence:016}"))
}

/// The prefix of the sort keys of reservations.
pub const RESERVATION_PREFIX: &str = "RES#";

/// One reservation.
pub fn reservation(user: UserId, id: ReservationId) -> Key {
    fan(user, format!("{RESERVATION_PREFIX}{id}"))
}

/// One idempotency record of a caller; `digest` is the digest of route and key.
pub fn idempotency(caller: UserId, digest: &str) -> Key {
    fan(caller, format!("IDEM#{digest}"))
}

/// A concert.
pub fn concert(id: ConcertId) -> Key {
    key(Table::Concerts, format!("CONCERT#{id}"), "META")
}

/// The concert whose partition this is. That of a chunk belongs to none.
pub(crate) fn concert_of(partition: &str) -> Option<ConcertId> {
    partition.strip_prefix("CONCERT#")?.parse().ok()
}

/// The prefix of the sort keys of layouts.
pub(crate) const LAYOUT_PREFIX: &str = "LAYOUT#";

/// A layout of a concert.
pub fn layout(id: ConcertId, number: u32) -> Key {
    key(Table::Concerts, format!("CONCERT#{id}"), format!("{LAYOUT_PREFIX}{number:06}"))
}

/// The counts of a concert's chunks added up.
pub fn seat_sum(id: ConcertId) -> Key {
    key(Table::Concerts, format!("CONCERT#{id}"), SEAT_SUM)
}

/// The sort key of the sum of a concert's counts.
pub(crate) const SEAT_SUM: &str = "SUM";

/// The prefix of the sort keys of seat counts.
pub const COUNT_PREFIX: &str = "COUNT#";

/// The seat count of a chunk.
pub fn count(id: ConcertId, chunk: Chunk) -> Key {
    key(Table::Concerts, format!("CONCERT#{id}"), format!("{COUNT_PREFIX}{:06}", chunk.0))
}

/// The chunk in the sort key of a seat count.
pub(crate) fn chunk_of_count(sort: &str) -> Option<Chunk> {
    sort.strip_prefix(COUNT_PREFIX)?.parse().ok().map(Chunk)
}

/// The prefix of the sort keys of seats.
pub const SEAT_PREFIX: &str = "SEAT#";

/// A seat that is held or sold.
pub fn seat(id: ConcertId, seat: SeatNumber) -> Key {
    key(Table::Concerts, chunk_partition(id, seat.chunk()), seat_sort(seat))
}

/// The partition of a chunk's seats.
pub fn chunk_partition(id: ConcertId, chunk: Chunk) -> String {
    format!("CONCERT#{id}#{}", chunk.0)
}

/// The sort key of a seat.
pub fn seat_sort(seat: SeatNumber) -> String {
    format!("{SEAT_PREFIX}{:06}", seat.get())
}

/// Partitions that the `DUE` items are spread over.
pub const DUE_PARTITIONS: u32 = 4;

/// The prefix of the partitions of `DUE` items.
pub(crate) const DUE_PREFIX: &str = "DUE#";

/// One of the partitions of `DUE` items.
pub fn due_partition(partition: u32) -> String {
    format!("{DUE_PREFIX}{partition}")
}

/// A sort key after all `DUE` items of earlier minutes and before those of this one.
pub fn due_minute(minute: Minute) -> String {
    format!("{:010}", minute.0)
}

/// The `DUE` item of a chunk whose last hold ends in a minute. All items of a chunk are in one partition.
pub fn due(minute: Minute, id: ConcertId, chunk: Chunk) -> Key {
    let partition = id.0.as_u128().wrapping_add(u128::from(chunk.0)) % u128::from(DUE_PARTITIONS);
    let pk = due_partition(partition as u32);
    key(Table::Concerts, pk, format!("{}#{id}#{:06}", due_minute(minute), chunk.0))
}

/// The prefix of the partitions of listings.
pub(crate) const LISTING_PREFIX: &str = "LISTING";

/// The partition that lists the concerts of an event, a category, both, or all, in order of start. `category` is a
/// parsed label; it ends the key, so no label can name another partition.
pub fn listing_partition(event: Option<EventId>, category: Option<&str>) -> String {
    let event = event.map(|event| format!("#EVENT#{event}")).unwrap_or_default();
    let category = category.map(|category| format!("#CATEGORY#{category}")).unwrap_or_default();
    format!("{LISTING_PREFIX}{event}{category}")
}

/// The sort key of a concert in its listings.
pub fn listing_sort(starts_at: Timestamp, id: ConcertId) -> String {
    format!("{:015}#{id}", starts_at.millis())
}

/// A concert's items in the listings that it is in: of all concerts, of its event, of its category, and of both.
pub fn listings(concert: &Concert) -> [Key; 4] {
    let (event, category) = (Some(concert.event_id), Some(concert.category.as_str()));
    [(None, None), (event, None), (None, category), (event, category)].map(|(event, category)| {
        let sort = listing_sort(concert.starts_at, concert.concert_id);
        key(Table::Concerts, listing_partition(event, category), sort)
    })
}

/// The prefix of the partitions of sales.
pub const SALES_PREFIX: &str = "SALES#";

/// The partition of the concerts that are sold through a queue, in order of the end of their sales.
pub fn sales_partition(queue: &QueueId) -> String {
    format!("{SALES_PREFIX}{queue}")
}

/// A sort key before all sales that end after `now`, and after the others.
pub fn sales_after(now: Timestamp) -> String {
    format!("{:015}", now.millis() + 1)
}

/// The sort key of a sale.
pub fn sale_sort(ends_at: Timestamp, id: ConcertId) -> String {
    format!("{:015}#{id}", ends_at.millis())
}

/// The sale of a concert among those of its queue.
pub fn sale(queue: &QueueId, ends_at: Timestamp, id: ConcertId) -> Key {
    key(Table::Concerts, sales_partition(queue), sale_sort(ends_at, id))
}

/// The state of a queue.
pub fn queue_state(queue: &QueueId) -> Key {
    key(Table::Queues, format!("QUEUE#{queue}"), "STATE")
}

/// What everybody may know of a queue's line: which places are known, and the operators' notice. Apart from the state, which
/// stays small.
pub fn line(queue: &QueueId) -> Key {
    key(Table::Queues, format!("LINE#{queue}"), "LINE")
}

/// The record of a sealed interval.
pub fn interval(queue: &QueueId, interval: u64) -> Key {
    key(Table::Queues, format!("INTERVAL#{queue}#{interval}"), "INTERVAL")
}

/// Partitions that the VOIDs of an interval are spread over, by shard.
const VOID_PARTITIONS: u16 = 16;

/// The prefix of the partitions of VOIDs.
pub(crate) const VOID_PREFIX: &str = "VOID#";

/// The VOID of a number: its fan left before the place was known.
pub fn void(queue: &QueueId, ticket: &LineTicket) -> Key {
    let LineTicket { interval, shard, number } = ticket;
    let partition = void_partition(queue, *interval, shard % VOID_PARTITIONS);
    key(Table::Queues, partition, format!("{shard:05}#{number:020}"))
}

fn void_partition(queue: &QueueId, interval: u64, partition: u16) -> String {
    format!("{VOID_PREFIX}{queue}#{interval}#{partition}")
}

/// The partitions of the VOIDs of an interval with so many shards.
pub fn void_partitions(queue: &QueueId, interval: u64, shards: usize) -> Vec<String> {
    let partitions = u16::try_from(shards).unwrap_or(VOID_PARTITIONS).min(VOID_PARTITIONS);
    (0..partitions).map(|partition| void_partition(queue, interval, partition)).collect()
}

/// The prefix of the partitions of histories.
pub const HISTORY_PREFIX: &str = "OPS#";

/// What operators see of a queue's last hour.
pub fn queue_history(queue: &QueueId) -> Key {
    key(Table::Queues, format!("{HISTORY_PREFIX}QUEUE#{queue}"), "HISTORY")
}

/// What operators see of the last hour of a concert's seats. With those of the queues, so that who writes it may write
/// nothing else of a concert.
pub fn seat_history(id: ConcertId) -> Key {
    key(Table::Queues, format!("{HISTORY_PREFIX}CONCERT#{id}"), "HISTORY")
}

/// The partition that lists all queues.
pub const REGISTRY_PARTITION: &str = "QUEUES";

/// A queue's item in the registry.
pub fn queue_registry(queue: &QueueId) -> Key {
    key(Table::Queues, REGISTRY_PARTITION.to_owned(), format!("QUEUE#{queue}"))
}

/// The join counter of a shard. Shard 0 leads.
pub fn join_counter(queue: &QueueId, shard: u16) -> Key {
    key(Table::Joins, format!("JOIN#{queue}#{shard}"), "COUNTER")
}

/// The partition of what `reconcile` keeps.
pub const RECONCILE_PARTITION: &str = "RECONCILE";

/// Where the last run of `reconcile` stopped. It is the only item that `reconcile` may write.
pub fn reconcile_cursor() -> Key {
    key(Table::Queues, RECONCILE_PARTITION.to_owned(), "CURSOR")
}

/// The prefix of the partitions of samples.
pub const SAMPLE_PREFIX: &str = "SAMPLE#";

/// The partition of a queue's samples.
pub fn sample_partition(queue: &QueueId) -> String {
    format!("{SAMPLE_PREFIX}{queue}")
}

/// The sort key of a sample: the queue's clock.
pub fn sample_sort(clock: QueueClock) -> String {
    format!("{:015}", clock.millis())
}

/// The sample of the last drawn place at this reading of the queue's clock.
pub fn sample(queue: &QueueId, clock: QueueClock) -> Key {
    key(Table::Queues, sample_partition(queue), sample_sort(clock))
}

/// Partitions that alarms are spread over.
pub const ALARM_PARTITIONS: u64 = 4;

/// The prefix of the partitions of alarms.
pub const ALARM_PREFIX: &str = "ALARM#";

/// One of the partitions of alarms.
pub fn alarm_partition(partition: u64) -> String {
    format!("{ALARM_PREFIX}{partition}")
}

/// A sort key before all alarms that are due at `due` or later, and after the others.
pub fn alarm_sort_from(due: Timestamp) -> String {
    format!("{:015}", due.millis())
}

/// An alarm of a queue. `id` tells alarms for the same time apart.
pub fn alarm(queue: &QueueId, due: Timestamp, id: Uuid) -> Key {
    let partition = alarm_partition(spread(queue.as_str()) % ALARM_PARTITIONS);
    key(Table::Queues, partition, format!("{}#{queue}#{id}", alarm_sort_from(due)))
}

/// The FNV-1a hash that spreads alarms over partitions. It must never change: a stored alarm could not be deleted.
fn spread(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// A fan's ticket for a queue.
pub fn ticket(queue: &QueueId, user: UserId) -> Key {
    key(Table::Queues, format!("TICKET#{queue}#{user}"), "TICKET")
}

/// Partitions that the sessions of a queue are spread over.
pub const SESSION_PARTITIONS: u64 = 16;

/// The prefix of the partitions of sessions.
pub const SESSION_PREFIX: &str = "SESSION#";

/// One of the partitions of a queue's sessions.
pub fn session_partition(queue: &QueueId, partition: u64) -> String {
    format!("{SESSION_PREFIX}{queue}#{partition}")
}

/// The sort key of a place.
pub fn place_sort(place: Place) -> String {
    format!("{:020}", place.get())
}

/// The session of a place.
pub fn session(queue: &QueueId, place: Place) -> Key {
    key(Table::Queues, session_partition(queue, place.get() % SESSION_PARTITIONS), place_sort(place))
}

/// Stands for an address, a user name or a fan in a key, without revealing it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pseudonym {
    /// What it stands for: `ADDRESS`, `NAME` or `FAN`.
    pub kind: &'static str,
    /// A keyed digest of the address, name or id, as base64url.
    pub digest: String,
}

/// The counter of one action by one subject in one window.
pub fn limit(act: LimitedAction, subject: &Pseudonym, window: Window) -> Key {
    let act = match act {
        LimitedAction::SignUp => "SIGNUP",
        LimitedAction::Login => "LOGIN",
        LimitedAction::Join => "JOIN",
    };
    let Pseudonym { kind, digest } = subject;
    key(Table::Limits, format!("{act}#{kind}#{digest}"), format!("{:012}", window.start().seconds()))
}
