//! Whole queues, second by second: estimated waits against true waits.

use super::*;
use std::collections::BTreeMap;

/// How long a slot is assumed to be taken, in seconds, with `activeSeconds` of 600.
const ASSUMED: f64 = 300.0;
const SECONDS: u64 = 1_800;

/// Pseudo-random numbers from a seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// How a queue begins.
#[derive(Clone, Copy, PartialEq)]
enum Start {
    /// Fans wait when it opens: a tick fills its slots.
    Opening,
    /// The first fans walk in, and all others join behind them.
    WalkIns,
    /// One fan walks in every two seconds for a quarter of an hour; then a crowd comes.
    Quiet,
}

/// A queue in which more fans wait than it serves.
#[derive(Clone, Copy)]
struct Sale {
    name: &'static str,
    capacity: u64,
    /// How long a fan stays inside, in seconds, by a roll of the dice.
    stay: fn(&mut Dice) -> f64,
    /// The share of fans who leave while they wait.
    leavers: f64,
    start: Start,
}

struct Estimate {
    second: u64,
    place: u64,
    outlook: Outlook,
}

/// The estimates of a run, and when each place was admitted.
struct Ran {
    estimates: Vec<Estimate>,
    admitted: BTreeMap<u64, u64>,
    /// The second in which the tenth slot came back.
    known_from: u64,
}

fn run(sale: Sale, seed: u64) -> Ran {
    let mut dice = Dice(seed);
    let (mut pace, mut served, mut returned) = (Pace::default(), 0, 0);
    let mut ends: Vec<f64> = Vec::new();
    let mut ran = Ran { estimates: Vec::new(), admitted: BTreeMap::new(), known_from: u64::MAX };
    let crowd_from = if sale.start == Start::Quiet { 900 } else { 0 };
    for second in 0..crowd_from + SECONDS {
        let walks_in = match sale.start {
            Start::Opening => 0,
            Start::WalkIns if second == 0 => sale.capacity,
            Start::Quiet if second < crowd_from => (second + 1) % 2,
            Start::WalkIns | Start::Quiet => 0,
        };
        for _ in 0..walks_in.min(sale.capacity - ends.len() as u64) {
            served += 1;
            ends.push(second as f64 + (sale.stay)(&mut dice));
        }
        let waited = second > crowd_from;
        let before = ends.len() as u64;
        ends.retain(|end| *end > second as f64);
        let freed = before - ends.len() as u64;
        returned += if waited { freed } else { 0 };
        let (mut admitted, mut passed) = (0, 0);
        while second >= crowd_from && (ends.len() as u64) < sale.capacity {
            served += 1;
            if dice.roll() < sale.leavers {
                passed += 1;
                continue;
            }
            admitted += 1;
            ran.admitted.insert(served, second);
            ends.push(second as f64 + (sale.stay)(&mut dice));
        }
        if returned >= 10 {
            ran.known_from = ran.known_from.min(second);
        }
        if freed + admitted > 0 {
            let occupied = (before, ends.len() as u64);
            let clock = QueueClock::from_millis(second as i64 * 1_000);
            pace = pace.after(Step { clock, waited, occupied, freed, admitted, passed });
        }
        if waited && second % 10 == 5 {
            for position in [1, sale.capacity / 4 + 1, sale.capacity, 3 * sale.capacity] {
                let outlook = pace.outlook(position, sale.capacity, ASSUMED);
                ran.estimates.push(Estimate { second, place: served + position, outlook });
            }
        }
    }
    ran
}

fn minutes(low: f64, high: f64) -> impl Fn(&mut Dice) -> f64 {
    move |dice| low + (high - low) * dice.roll()
}

const SALES: [Sale; 11] = [
    Sale {
        name: "all stay alike",
        capacity: 50,
        stay: |dice| minutes(220.0, 260.0)(dice),
        leavers: 0.0,
        start: Start::Opening,
    },
    Sale {
        name: "one to seven minutes",
        capacity: 50,
        stay: |dice| minutes(60.0, 420.0)(dice),
        leavers: 0.0,
        start: Start::Opening,
    },
    Sale {
        name: "most are quick",
        capacity: 50,
        stay: |dice| (-150.0 * (1.0 - dice.roll()).ln()).min(600.0),
        leavers: 0.0,
        start: Start::Opening,
    },
    Sale {
        name: "a small queue",
        capacity: 3,
        stay: |dice| minutes(30.0, 120.0)(dice),
        leavers: 0.0,
        start: Start::Opening,
    },
    Sale {
        name: "a large queue",
        capacity: 1_000,
        stay: |dice| minutes(60.0, 420.0)(dice),
        leavers: 0.0,
        start: Start::Opening,
    },
    Sale {
        name: "a third misses",
        capacity: 50,
        stay: |dice| if dice.roll() < 0.33 { 182.0 } else { minutes(60.0, 420.0)(dice) },
        leavers: 0.0,
        start: Start::Opening,
    },
    Sale {
        name: "a third leaves",
        capacity: 50,
        stay: |dice| minutes(60.0, 420.0)(dice),
        leavers: 0.33,
        start: Start::Opening,
    },
    Sale {
        name: "half join and go at once",
        capacity: 50,
        stay: |dice| if dice.roll() < 0.5 { 1.0 } else { minutes(60.0, 420.0)(dice) },
        leavers: 0.0,
        start: Start::Opening,
    },
    Sale {
        name: "ten seconds",
        capacity: 20,
        stay: |dice| minutes(5.0, 15.0)(dice),
        leavers: 0.0,
        start: Start::Opening,
    },
    Sale {
        name: "the first walk in",
        capacity: 50,
        stay: |dice| minutes(60.0, 420.0)(dice),
        leavers: 0.0,
        start: Start::WalkIns,
    },
    Sale {
        name: "a crowd after a quiet hour",
        capacity: 50,
        stay: |dice| minutes(60.0, 120.0)(dice),
        leavers: 0.0,
        start: Start::Quiet,
    },
];

/// Estimated waits divided by true ones, by minute, and whether the range held. Only estimates count that were made
/// after ten slots had come back.
fn ratios(sale: Sale, min_waited: u64) -> BTreeMap<u64, Vec<(f64, bool)>> {
    let mut by_minute: BTreeMap<u64, Vec<(f64, bool)>> = BTreeMap::new();
    for seed in 1..=10 {
        let Ran { estimates, admitted, known_from } = run(sale, seed);
        for Estimate { second, place, outlook } in estimates {
            let was_admitted = admitted.range(..=place).next_back().is_some_and(|(last, _)| *last == place);
            if second < known_from || !was_admitted {
                continue;
            }
            let waited = admitted[&place] - second;
            if waited >= min_waited {
                let ratio = outlook.seconds as f64 / waited as f64;
                let within = (outlook.low..=outlook.high).contains(&waited);
                by_minute.entry(second / 60).or_default().push((ratio, within));
            }
        }
    }
    by_minute
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[test]
fn the_median_estimate_is_near_the_true_wait() {
    for sale in SALES {
        let by_minute = ratios(sale, 2);
        let all: Vec<(f64, bool)> = by_minute.values().flatten().copied().collect();
        let ratio = median(all.iter().map(|(ratio, _)| *ratio).collect());
        let within = all.iter().filter(|(_, within)| *within).count() as f64 / all.len() as f64;
        let minutes: Vec<String> = by_minute
            .iter()
            .map(|(minute, ratios)| {
                format!("{minute}: {:.2}", median(ratios.iter().map(|(ratio, _)| *ratio).collect()))
            })
            .collect();
        println!("{}: {ratio:.2}, within {within:.2}; {}", sale.name, minutes.join(", "));
        assert!((0.8..=1.4).contains(&ratio), "{}: the median ratio is {ratio}", sale.name);
        // Where fans leave in waves, and where half of them leave at once, the range is right less often.
        let expected = if ["all stay alike", "half join and go at once"].contains(&sale.name) { 0.5 } else { 0.8 };
        assert!(within >= expected, "{}: a share of {within} lies within the range", sale.name);
    }
}
