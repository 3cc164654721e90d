//! The invariants that can be checked from outside, after the crowd has gone.

use std::collections::BTreeMap;

use futures_util::{StreamExt, stream};

use crate::{
    record::{Collected, Served, Sighting},
    setup::Stage,
};

/// How old the state of a queue may be, in seconds, in a fan's answer or in the public document.
const STALE_SECONDS: f64 = 5.0;
/// Ledgers that are read at the same time.
const AT_ONCE: usize = 16;

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The invariant.
    pub invariant: &'static str,
    /// What was compared, or what is wrong.
    pub seen: Result<String, String>,
}

/// Checks seats, money and order.
pub async fn check(stage: &Stage, collected: &Collected) -> Vec<Verdict> {
    let sales = stage.sales().await;
    let sales = sales.map(|reply| (reply.body["sold"].as_u64(), reply.body["revenue"].as_u64()));
    vec![
        Verdict { invariant: "each seat is sold once", seen: seats(collected) },
        Verdict {
            invariant: "what fans paid is what was sold",
            seen: sales.and_then(|sales| totals(collected, sales)),
        },
        Verdict { invariant: "each balance is the sum of its ledger", seen: ledgers(stage, collected).await },
        Verdict { invariant: "fans are admitted in the order of their places", seen: order(collected) },
    ]
}

fn seats(collected: &Collected) -> Result<String, String> {
    let mut owners: BTreeMap<u32, usize> = BTreeMap::new();
    for purchase in &collected.purchases {
        for seat in &purchase.seats {
            if let Some(other) = owners.insert(*seat, purchase.fan) {
                return Err(format!("seat {seat} was sold to fans {other} and {}", purchase.fan));
            }
        }
    }
    Ok(format!("{} seats in {} purchases", owners.len(), collected.purchases.len()))
}

fn totals(collected: &Collected, (sold, revenue): (Option<u64>, Option<u64>)) -> Result<String, String> {
    let seats: u64 = collected.purchases.iter().map(|purchase| purchase.seats.len() as u64).sum();
    let paid: u64 = collected.purchases.iter().map(|purchase| purchase.amount).sum();
    if (sold, revenue) == (Some(seats), Some(paid)) {
        return Ok(format!("{seats} seats for {paid}"));
    }
    Err(format!(
        "fans paid {paid} for {seats} seats, the report of sales has {revenue:?} for {sold:?}; a payment whose answer was \
         lost also looks so"
    ))
}

/// Reads the ledger of everybody who paid.
async fn ledgers(stage: &Stage, collected: &Collected) -> Result<String, String> {
    let mut paid: BTreeMap<usize, u64> = BTreeMap::new();
    for purchase in &collected.purchases {
        *paid.entry(purchase.fan).or_default() += purchase.amount;
    }
    let read = stream::iter(&paid).map(|(fan, amount)| async move {
        let ledger = stage.ledger(*fan).await?;
        ledger.check()?;
        let left = i64::try_from(stage.money() - amount).unwrap_or_default();
        if ledger.balance == left { Ok(()) } else { Err(format!("fan {fan} has {} instead of {left}", ledger.balance)) }
    });
    let results: Vec<Result<(), String>> = read.buffer_unordered(AT_ONCE).collect().await;
    let count = results.len();
    results.into_iter().collect::<Result<(), String>>().map(|()| format!("{count} ledgers"))
}

/// A fan is inside only once `served` has reached the place, and waits only until then. Both sides of the comparison may
/// be some seconds old.
fn order(collected: &Collected) -> Result<String, String> {
    let served = &collected.served;
    if let Some(pair) = served.windows(2).find(|pair| pair[1].place < pair[0].place) {
        return Err(format!("served went back from {} to {}", pair[0].place, pair[1].place));
    }
    for sighting in &collected.sightings {
        judge(sighting, served)?;
    }
    Ok(format!("{} answers about places, {} looks at the queue", collected.sightings.len(), served.len()))
}

fn judge(sighting: &Sighting, served: &[Served]) -> Result<(), String> {
    let Sighting { place, sent, answered, active } = *sighting;
    if active {
        let later = served.iter().find(|look| look.sent > answered + STALE_SECONDS);
        if later.is_some_and(|look| look.place < place) {
            return Err(format!("place {place} was inside at {answered:.1} s, before `served` reached it"));
        }
    } else {
        let earlier = served.iter().rev().find(|look| look.answered + STALE_SECONDS < sent);
        if earlier.is_some_and(|look| look.place >= place) {
            return Err(format!("place {place} still waited at {sent:.1} s, long after `served` had passed it"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Purchase, Record};

    fn collected(purchases: &[(usize, u32)], sightings: &[(u64, f64, bool)], served: &[(u64, f64)]) -> Collected {
        let record = Record::new();
        for (fan, seat) in purchases {
            record.bought(Purchase { fan: *fan, seats: vec![*seat], amount: 10 });
        }
        for (place, at, active) in sightings {
            record.saw(Sighting { place: *place, sent: *at, answered: *at, active: *active });
        }
        for (place, at) in served {
            record.saw_served(Served { place: *place, sent: *at, answered: *at });
        }
        record.collected()
    }

    #[test]
    fn a_seat_that_is_sold_twice_is_found() {
        assert!(seats(&collected(&[(1, 5), (2, 6)], &[], &[])).is_ok());
        assert!(seats(&collected(&[(1, 5), (2, 5)], &[], &[])).is_err());
    }

    #[test]
    fn money_that_was_not_sold_for_is_found() {
        let sold = collected(&[(1, 5), (2, 6)], &[], &[]);
        assert!(totals(&sold, (Some(2), Some(20))).is_ok());
        assert!(totals(&sold, (Some(1), Some(20))).is_err());
        assert!(totals(&sold, (Some(2), Some(10))).is_err());
        assert!(totals(&sold, (None, None)).is_err());
    }

    #[test]
    fn a_fan_who_overtakes_or_is_forgotten_is_found() {
        let served = [(10, 0.0), (10, 10.0), (20, 20.0)];
        assert!(order(&collected(&[], &[(11, 9.0, false), (11, 16.0, true), (10, 3.0, false)], &served)).is_ok());
        assert!(order(&collected(&[], &[(11, 4.0, true)], &served)).is_err(), "inside at 4 s, served 10 at 10 s");
        assert!(order(&collected(&[], &[(10, 6.0, false)], &served)).is_err(), "waiting at 6 s, served 10 at 0 s");
        assert!(order(&collected(&[], &[], &[(10, 0.0), (9, 1.0)])).is_err());
    }
}
