//! Explores the line at sizes that take seconds, and finds a counterexample for each guard.

use model::{Bounds, Guard, LineModel};
use stateright::{Checker, HasDiscoveries, Model};
use std::time::Instant;

/// Two sequencers and passers-by, who only draw.
const COUNTERS: Bounds = Bounds {
    shards: 2,
    numbers: 2,
    intervals: 2,
    sequencers: 2,
    fans: 0,
    requests: 0,
    at_once: 0,
    draw: false,
    promotes: false,
};
/// One sequencer, which may be cut off and begin again, and nobody else who could be in its way.
const ALONE: Bounds = Bounds { intervals: 3, sequencers: 1, ..COUNTERS };
/// A fan who joins, leaves and joins again.
const LEAVING: Bounds = Bounds { sequencers: 1, fans: 1, requests: 3, at_once: 1, ..COUNTERS };
/// A fan with two requests under way.
const DOUBLE: Bounds = Bounds { requests: 2, at_once: 2, ..LEAVING };
/// A fan who joins and leaves while somebody promotes.
const PROMOTED: Bounds = Bounds { numbers: 1, requests: 2, promotes: true, ..LEAVING };
/// A fan who joins a draw and leaves.
const DRAW: Bounds = Bounds { requests: 2, draw: true, ..LEAVING };
/// A fan who joins a draw, leaves and comes back.
const RETURN: Bounds = Bounds { requests: 3, ..DRAW };

/// Each guard, with bounds within which it is needed.
const GUARDS: [(Guard, Bounds); 22] = [
    (Guard::CutOnce, COUNTERS),
    (Guard::CutAfterRecord, ALONE),
    (Guard::FirstShardFirst, ALONE),
    (Guard::WidthBefore, ALONE),
    (Guard::OpenOnce, COUNTERS),
    (Guard::ClosedTakesNoJoins, ALONE),
    (Guard::AbsentTakesNoJoins, ALONE),
    (Guard::CutRemovesOffset, ALONE),
    // From a wide interval over a calm and a wide one to the next calm one, where the late offset gives a place again.
    (Guard::OffsetInItsInterval, Bounds { intervals: 3, draw: true, ..COUNTERS }),
    (Guard::OffsetAfterRecord, ALONE),
    (Guard::LineInOrder, COUNTERS),
    (Guard::VoidBeforeLook, PROMOTED),
    (Guard::BuryBeforeRecordCounts, PROMOTED),
    (Guard::BuryBeforeOffsetCounts, PROMOTED),
    (Guard::BuryAfterOffset, PROMOTED),
    (Guard::PromoteByLine, PROMOTED),
    (Guard::PromoteKnown, PROMOTED),
    (Guard::FinishLeaving, LEAVING),
    (Guard::MarkBeforeTombstone, RETURN),
    (Guard::MarkedIsLost, RETURN),
    (Guard::BuryMarked, RETURN),
    (Guard::DrawAtOpening, RETURN),
];

/// A property that failed, with the number of steps that lead there.
type Failure = (&'static str, usize);

/// Explores everything within bounds; stops where a property fails. Prints how many states there are, and
/// the steps to a failure that nothing was left out for.
fn explore(name: &str, bounds: Bounds, without: Option<Guard>) -> Option<Failure> {
    let began = Instant::now();
    let checker = LineModel { bounds, without }.checker().threads(2).finish_when(HasDiscoveries::AnyFailures);
    let checker = checker.spawn_bfs().join();
    let found = checker.discoveries().into_iter().map(|(property, path)| (property, path.into_actions()));
    let failure = found.min_by_key(|(property, steps)| (steps.len(), *property));
    if let (Some((property, steps)), None) = (&failure, without) {
        eprintln!("{property}: {steps:#?}");
    }
    let failure = failure.map(|(property, steps)| (property, steps.len()));
    eprintln!("{name:24} {:>9} states {:>7.1?}  {failure:?}", checker.unique_state_count(), began.elapsed());
    failure
}

fn holds(name: &str, bounds: Bounds) {
    eprintln!("{name}: {bounds:?}");
    assert_eq!(explore(name, bounds, None), None);
}

#[test]
fn every_order_of_events() {
    holds("two sequencers", COUNTERS);
    holds("one sequencer", ALONE);
    holds("leave and join again", LEAVING);
    holds("two requests at once", DOUBLE);
    holds("promotion", PROMOTED);
    holds("draw", DRAW);
}

#[test]
#[ignore = "takes minutes and gigabytes of memory: infra/docs/testing.md"]
fn every_order_of_more_events() {
    holds("two sequencers", Bounds { numbers: 3, intervals: 3, ..COUNTERS });
    holds("three shards", Bounds { shards: 3, ..COUNTERS });
    holds("draw, return", RETURN);
    holds("draw, two requests at once", Bounds { draw: true, ..DOUBLE });
    holds("promotion of two", Bounds { numbers: 2, ..PROMOTED });
    holds("two requests of three", Bounds { requests: 3, ..DOUBLE });
    holds("two sequencers, leaving", Bounds { sequencers: 2, requests: 2, ..LEAVING });
}

#[test]
fn each_guard_is_needed() {
    let found = GUARDS.map(|(guard, bounds)| (guard, explore(&format!("{guard:?}"), bounds, Some(guard))));
    let unneeded: Vec<Guard> = found.iter().filter(|(_, failure)| failure.is_none()).map(|(guard, _)| *guard).collect();
    assert_eq!(unneeded, [], "a guard that the model does not need, or a property that does not see its lack");
}

// While leaving is finished before a fan draws again, each number that is not in the ticket has its tombstone before its
// place is known. The look at the ticket stays: a tombstone takes a while to be seen, and the ticket says why.
#[test]
fn the_look_at_the_ticket_is_a_second_lock() {
    assert_eq!(explore("HandOverByTicket", LEAVING, Some(Guard::HandOverByTicket)), None);
}
