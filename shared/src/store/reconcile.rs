//! Recounts the invariants of seats and money from the tables: scans a part of them, compares each item with those that
//! it must fit, and looks a second time before it reports a difference (infra/adr/0024-second-look.md). Repairs nothing,
//! and writes only its cursor. The only part of the store that scans.

mod cursor;
mod looks;
mod parts;
mod subject;

use super::{
    Store, StoreError, keys,
    keys::{Key, Table},
    request::{self, WriteFailure, n},
};
use crate::{
    domain::{concert::SeatCount, reconcile::Difference, time::Seconds, time::Timestamp},
    store::item_kind::ItemKind,
    telemetry::{
        meter::{measure, used},
        metric::Metric,
    },
};
use cursor::{Cursor, Suspect};
use looks::Look;
use parts::{Loaded, Part};
use std::time::Duration;
use subject::Subject;
use tokio::time::Instant;

/// Read units of one run: it starts no part that could exceed them.
pub const MAX_UNITS: f64 = 2_000.0;
/// The most read units of one part: 50 counts, each with all seats of its chunk.
const MAX_PART_UNITS: f64 = 500.0;
/// A run starts no part after this time. The function's timeout is ten seconds later.
const MAX_RUN: Duration = Duration::from_secs(20);
/// A count that is younger is not judged: where fans buy, each is some seconds behind at any time.
const COUNT_SETTLED: Seconds = Seconds(60);

/// A difference that was seen twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What does not fit.
    pub difference: Difference,
    /// The item at which it shows.
    pub key: Key,
}

/// What a run did.
#[derive(Debug, Default)]
pub struct Reconciled {
    /// Items that it compared with others.
    pub compared: usize,
    /// The differences that its second looks confirmed. They are in the log.
    pub found: Vec<Found>,
    /// Differences that wait for their second look.
    pub waiting: usize,
    /// Whether it came to the end of the tables. The next run begins again.
    pub round_over: bool,
    /// The last failure, if there was one. The next run tries again.
    pub failure: Option<StoreError>,
}

impl Store {
    /// Looks again at what earlier runs suspected, reports what is still different, and scans on from where the last run
    /// stopped: until the end of the tables, or its units, its time or the room for suspects are used up. Safe to
    /// interrupt anywhere: the next run begins where the last one that ended did.
    ///
    /// # Errors
    /// Where the cursor cannot be read or written.
    pub async fn reconcile(&self) -> Result<Reconciled, StoreError> {
        let (deadline, units_before) = (Instant::now() + MAX_RUN, used().read);
        let mut cursor: Cursor = self.get(&keys::reconcile_cursor(), true).await?.unwrap_or_default();
        let mut run = Reconciled::default();
        self.look_again(&mut cursor, &mut run, deadline).await;
        let has_room = |cursor: &Cursor| {
            let within = used().read - units_before + MAX_PART_UNITS <= MAX_UNITS && Instant::now() < deadline;
            within && !cursor.is_full()
        };
        while !run.round_over && has_room(&cursor) {
            if let Err(error) = self.compare_part(&mut cursor, &mut run).await {
                run.failure = Some(error);
                break;
            }
        }
        run.waiting = cursor.suspects.len();
        self.save_cursor(cursor).await?;
        Ok(run)
    }

    /// Takes the second look at each suspect whose time has come, and reports those that are still different. One that
    /// cannot be looked at stays.
    async fn look_again(&self, cursor: &mut Cursor, run: &mut Reconciled, deadline: Instant) {
        let now = self.now();
        for suspect in std::mem::take(&mut cursor.suspects) {
            if now < suspect.second_look_at() || Instant::now() >= deadline {
                cursor.suspects.push(suspect);
                continue;
            }
            match self.second_look(&suspect).await {
                Ok(Look::Same) => {
                    report(&suspect);
                    run.found.push(Found { difference: suspect.difference, key: suspect.key() });
                }
                Ok(Look::Gone) => {}
                Ok(Look::Unclear) => cursor.suspects.push(suspect),
                Err(error) => {
                    run.failure = Some(error);
                    cursor.suspects.push(suspect);
                }
            }
        }
    }

    /// Reads the next part of the tables and what its items must fit, and compares them. Stops before an item whose
    /// differences find no room.
    async fn compare_part(&self, cursor: &mut Cursor, run: &mut Reconciled) -> Result<(), StoreError> {
        let Part { items, last } = self.scan_part(cursor.table.table(), cursor.after.as_ref()).await?;
        let mut loaded: Loaded = items.iter().cloned().collect();
        let subjects: Vec<_> = items.iter().map(|(key, item)| Subject::read(key, item)).collect();
        self.load(&mut loaded, subjects.iter().flatten().flat_map(Subject::others)).await?;
        let now = self.now();
        for ((key, _), subject) in items.iter().zip(subjects) {
            for (difference, version) in self.differences(key, subject.as_ref(), &loaded, now).await? {
                if !cursor.suspect(difference, key, version, now) {
                    return Ok(());
                }
            }
            run.compared += 1;
            cursor.stop_after(key);
        }
        run.round_over = cursor.next_part(last);
        Ok(())
    }

    /// What does not fit at an item by a first look, and the version of a count.
    async fn differences(
        &self,
        key: &Key,
        subject: Result<&Subject, &subject::Unreadable>,
        loaded: &Loaded,
        now: Timestamp,
    ) -> Result<Vec<(Difference, Option<u64>)>, StoreError> {
        if matches!(ItemKind::of(&key.pk, &key.sk), ItemKind::SeatCount | ItemKind::SeatSum) {
            let count = loaded.get(key).and_then(|item| request::parse::<SeatCount>(item.clone()).ok());
            if count.is_some_and(|count| now < count.at + COUNT_SETTLED) {
                return Ok(Vec::new());
            }
            return Ok(self.count_difference(key, false).await?.into_iter().collect());
        }
        let found = subject.map_or_else(|_| vec![Difference::Unreadable], |subject| subject.differences(loaded, now));
        Ok(found.into_iter().map(|difference| (difference, None)).collect())
    }

    /// Replaces the cursor, unless another run replaced it since it was read. Then that run's progress stands, and this
    /// one's is made again.
    async fn save_cursor(&self, cursor: Cursor) -> Result<(), StoreError> {
        let read = cursor.version;
        let cursor = Cursor { version: read + 1, ..cursor };
        let put = self
            .put(Table::Queues, request::item(&keys::reconcile_cursor(), &cursor, None)?)
            .condition_expression("attribute_not_exists(pk) OR version = :read")
            .expression_attribute_values(":read", n(read));
        match self.send_put(put).await {
            Ok(_) => Ok(()),
            Err(WriteFailure::Condition(_)) => {
                tracing::info!("another run of reconcile at the same time");
                Ok(())
            }
            Err(WriteFailure::Store(error)) => Err(error),
        }
    }
}

/// Logs a difference and counts it, before the cursor is saved: a crash in between reports it twice, never not at all.
fn report(suspect: &Suspect) {
    let Suspect { difference, pk, sk, .. } = suspect;
    tracing::error!(kind = difference.name(), table = ?suspect.table, pk, sk, "difference");
    measure(Metric::ReconcileDifferences, 1.0);
}
