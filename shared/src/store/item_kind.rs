//! The kinds of items.

use super::keys;
use std::fmt;

/// The kind of an item, which its key shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ItemKind {
    /// An account.
    Profile,
    /// What makes a user name unique.
    UserName,
    /// An account with a role other than fan.
    StaffMember,
    /// One entry of a fan's ledger.
    LedgerEntry,
    /// A reservation.
    Reservation,
    /// The answer that is stored under an idempotency key.
    IdempotencyRecord,
    /// A concert.
    Concert,
    /// A layout of a concert.
    Layout,
    /// The seat count of a chunk.
    SeatCount,
    /// The seat counts of a concert added up.
    SeatSum,
    /// A seat that is held or sold.
    Seat,
    /// What makes the sweep visit a chunk.
    Due,
    /// A concert in a listing.
    Listing,
    /// A concert among the sales of its queue.
    Sale,
    /// The state of a queue.
    QueueState,
    /// What everybody may know of a queue's line.
    Line,
    /// The record of a sealed interval.
    Interval,
    /// A number whose fan left before the place was known.
    Void,
    /// The counter that places are drawn from.
    JoinCounter,
    /// A queue's entry in the registry.
    RegistryEntry,
    /// A fan's place in a queue.
    Ticket,
    /// A session, or the tombstone of a place.
    Session,
    /// The last drawn place at a reading of the queue's clock.
    Sample,
    /// An alarm of a queue.
    Alarm,
    /// What operators see of the last hour.
    History,
    /// Where the last run of `reconcile` stopped.
    ReconcileCursor,
    /// A webhook.
    Webhook,
    /// The delivery of an event to a webhook.
    Delivery,
    /// What sends the schedule to a delivery that failed.
    Retry,
    /// A counter against abuse.
    Limit,
    /// A key that no builder of [`keys`] makes.
    Other,
}

impl ItemKind {
    /// The kind of the item with a partition key and a sort key.
    pub fn of(pk: &str, sk: &str) -> Self {
        use ItemKind as Kind;
        const PARTITIONS: [(&str, ItemKind); 18] = [
            (keys::STAFF_PARTITION, Kind::StaffMember),
            (keys::HISTORY_PREFIX, Kind::History),
            (keys::SESSION_PREFIX, Kind::Session),
            (keys::DUE_PREFIX, Kind::Due),
            (keys::VOID_PREFIX, Kind::Void),
            (keys::SAMPLE_PREFIX, Kind::Sample),
            (keys::ALARM_PREFIX, Kind::Alarm),
            (keys::LISTING_PREFIX, Kind::Listing),
            (keys::SALES_PREFIX, Kind::Sale),
            (keys::REGISTRY_PARTITION, Kind::RegistryEntry),
            (keys::RECONCILE_PARTITION, Kind::ReconcileCursor),
            (keys::WEBHOOKS_PARTITION, Kind::Webhook),
            (keys::DELIVERY_PREFIX, Kind::Delivery),
            (keys::RETRY_PREFIX, Kind::Retry),
            ("SIGNUP#", Kind::Limit),
            ("LOGIN#", Kind::Limit),
            ("JOIN#FAN#", Kind::Limit),
            ("JOIN#ADDRESS#", Kind::Limit),
        ];
        const SORTS: [(&str, ItemKind); 15] = [
            ("PROFILE", Kind::Profile),
            (keys::LEDGER_PREFIX, Kind::LedgerEntry),
            (keys::RESERVATION_PREFIX, Kind::Reservation),
            ("IDEM#", Kind::IdempotencyRecord),
            ("NAME", Kind::UserName),
            ("META", Kind::Concert),
            (keys::LAYOUT_PREFIX, Kind::Layout),
            (keys::COUNT_PREFIX, Kind::SeatCount),
            (keys::SEAT_SUM, Kind::SeatSum),
            (keys::SEAT_PREFIX, Kind::Seat),
            ("STATE", Kind::QueueState),
            ("LINE", Kind::Line),
            ("INTERVAL", Kind::Interval),
            ("COUNTER", Kind::JoinCounter),
            ("TICKET", Kind::Ticket),
        ];
        let first = |kinds: &[(&str, Self)], key: &str| {
            kinds.iter().find(|(prefix, _)| key.starts_with(prefix)).map(|(_, kind)| *kind)
        };
        first(&PARTITIONS, pk).or_else(|| first(&SORTS, sk)).unwrap_or(Self::Other)
    }

    /// The name of the kind, as `infra/docs/DYNAMODB.md` lists it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Profile => "profile",
            Self::UserName => "user name",
            Self::StaffMember => "staff member",
            Self::LedgerEntry => "ledger entry",
            Self::Reservation => "reservation",
            Self::IdempotencyRecord => "idempotency record",
            Self::Concert => "concert",
            Self::Layout => "layout",
            Self::SeatCount => "seat count",
            Self::SeatSum => "seat sum",
            Self::Seat => "seat",
            Self::Due => "due",
            Self::Listing => "listing",
            Self::Sale => "sale",
            Self::QueueState => "queue state",
            Self::Line => "line",
            Self::Interval => "interval",
            Self::Void => "void",
            Self::JoinCounter => "join counter",
            Self::RegistryEntry => "registry of queues",
            Self::Ticket => "ticket",
            Self::Session => "session",
            Self::Sample => "sample",
            Self::Alarm => "alarm",
            Self::History => "history",
            Self::ReconcileCursor => "reconcile cursor",
            Self::Webhook => "webhook",
            Self::Delivery => "delivery",
            Self::Retry => "retry",
            Self::Limit => "limit",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for ItemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
