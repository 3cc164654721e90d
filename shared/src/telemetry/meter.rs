//! Counts what an invocation does, where it happens. The counts belong to the task that handles the invocation, so code
//! that counts needs no handle, and invocations that share a process (in tests) do not mix.

use std::{cell::RefCell, collections::BTreeMap};

use super::metric::Metric;

tokio::task_local! {
    static METER: RefCell<Meter>;
}

/// The counts of one invocation.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Meter {
    /// Read and write units by table.
    pub units: BTreeMap<String, Units>,
    /// Measurements in the order in which they were taken.
    pub measured: Vec<(Metric, f64)>,
}

/// Capacity units of DynamoDB.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub struct Units {
    /// Read units.
    pub read: f64,
    /// Write units.
    pub write: f64,
}

impl Meter {
    /// The units of all tables.
    pub fn total(&self) -> Units {
        self.units
            .values()
            .fold(Units::default(), |sum, table| Units { read: sum.read + table.read, write: sum.write + table.write })
    }

    /// The sum of what was measured of a metric.
    pub fn sum(&self, metric: Metric) -> f64 {
        self.measured.iter().filter(|(other, _)| *other == metric).map(|(_, value)| value).sum()
    }
}

/// Runs the work of one invocation, and returns its result with what it counted.
pub async fn metered<T>(work: impl Future<Output = T>) -> (T, Meter) {
    METER
        .scope(RefCell::default(), async {
            let done = work.await;
            (done, METER.with(RefCell::take))
        })
        .await
}

/// Adds a measurement of a metric: 1 for an event, a number of events, or a duration in the metric's unit. Outside of
/// [`metered`] it does nothing.
pub fn measure(metric: Metric, value: f64) {
    with(|meter| meter.measured.push((metric, value)));
}

/// The units that the invocation has consumed so far; none outside of [`metered`].
pub fn used() -> Units {
    METER.try_with(|meter| meter.borrow().total()).unwrap_or_default()
}

/// Adds the units that a request consumed of a table.
pub(super) fn consume(table: &str, units: Units) {
    with(|meter| {
        if !meter.units.contains_key(table) {
            meter.units.insert(table.to_owned(), Units::default());
        }
        if let Some(sum) = meter.units.get_mut(table) {
            sum.read += units.read;
            sum.write += units.write;
        }
    });
}

fn with(change: impl FnOnce(&mut Meter)) {
    let _ = METER.try_with(|meter| change(&mut meter.borrow_mut()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invocations_that_share_a_thread_count_apart() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let one = |metric| async move {
            measure(metric, 1.0);
            tokio::task::yield_now().await;
            measure(metric, 2.0);
            consume("Fans", Units { read: 0.5, write: 1.0 });
        };
        let (((), joins), ((), refunds)) = runtime.block_on(async {
            measure(Metric::Joins, 9.0);
            futures_util::join!(metered(one(Metric::Joins)), metered(one(Metric::Refunds)))
        });
        assert_eq!((joins.sum(Metric::Joins), joins.sum(Metric::Refunds)), (3.0, 0.0));
        assert_eq!(refunds.sum(Metric::Refunds), 3.0);
        assert_eq!(refunds.total(), Units { read: 0.5, write: 1.0 });
    }
}
