//! Whole queues, second by second: what fans were told against how long they waited.

use super::*;
use std::collections::BTreeMap;

/// How long a slot is taken, as `activeSeconds` of 600 has it before anything is known.
const ASSUMED: f64 = 300.0;
const SECONDS: u64 = 1_800;

/// Numbers that look random.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// A queue in which more fans wait than it serves.
#[derive(Clone, Copy)]
struct Sale {
    name: &'static str,
    capacity: u64,
    /// Seconds inside, by a roll of the dice.
    stay: fn(&mut Dice) -> f64,
    /// The part of the places that left while waiting.
    leavers: f64,
}

struct Told {
    second: u64,
    place: u64,
    outlook: Outlook,
}

/// What was told, and when each place was admitted.
struct Ran {
    told: Vec<Told>,
    admitted: BTreeMap<u64, u64>,
    /// When ten slots had come back.
    known_from: u64,
}

fn run(sale: Sale, seed: u64) -> Ran {
    let mut dice = Dice(seed);
    let (mut pace, mut served, mut returned) = (Pace::default(), 0, 0);
    let mut ends: Vec<f64> = Vec::new();
    let mut ran = Ran { told: Vec::new(), admitted: BTreeMap::new(), known_from: u64::MAX };
    for second in 0..SECONDS {
        let before = ends.len() as u64;
        ends.retain(|end| *end > second as f64);
        let freed = before - ends.len() as u64;
        returned += freed;
        let (mut admitted, mut passed) = (0, 0);
        while (ends.len() as u64) < sale.capacity {
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
            pace = pace.after(Step { clock, waited: true, occupied, freed, admitted, passed });
        }
        if second % 10 == 5 {
            for position in [1, sale.capacity / 4 + 1, sale.capacity, 3 * sale.capacity] {
                let outlook = pace.outlook(position, sale.capacity, ASSUMED);
                ran.told.push(Told { second, place: served + position, outlook });
            }
        }
    }
    ran
}

fn minutes(low: f64, high: f64) -> impl Fn(&mut Dice) -> f64 {
    move |dice| low + (high - low) * dice.roll()
}

const SALES: [Sale; 9] = [
    Sale { name: "all stay alike", capacity: 50, stay: |dice| minutes(220.0, 260.0)(dice), leavers: 0.0 },
    Sale { name: "one to seven minutes", capacity: 50, stay: |dice| minutes(60.0, 420.0)(dice), leavers: 0.0 },
    Sale {
        name: "most are quick",
        capacity: 50,
        stay: |dice| (-150.0 * (1.0 - dice.roll()).ln()).min(600.0),
        leavers: 0.0,
    },
    Sale { name: "a small queue", capacity: 3, stay: |dice| minutes(30.0, 120.0)(dice), leavers: 0.0 },
    Sale { name: "a large queue", capacity: 1_000, stay: |dice| minutes(60.0, 420.0)(dice), leavers: 0.0 },
    Sale {
        name: "a third misses",
        capacity: 50,
        stay: |dice| if dice.roll() < 0.33 { 182.0 } else { minutes(60.0, 420.0)(dice) },
        leavers: 0.0,
    },
    Sale { name: "a third leaves", capacity: 50, stay: |dice| minutes(60.0, 420.0)(dice), leavers: 0.33 },
    Sale {
        name: "half join and go at once",
        capacity: 50,
        stay: |dice| if dice.roll() < 0.5 { 1.0 } else { minutes(60.0, 420.0)(dice) },
        leavers: 0.0,
    },
    Sale { name: "ten seconds", capacity: 20, stay: |dice| minutes(5.0, 15.0)(dice), leavers: 0.0 },
];

/// Told divided by true, for those who were told once ten slots had come back, by minute.
fn ratios(sale: Sale, position_from: u64) -> BTreeMap<u64, Vec<(f64, bool)>> {
    let mut by_minute: BTreeMap<u64, Vec<(f64, bool)>> = BTreeMap::new();
    for seed in 1..=10 {
        let Ran { told, admitted, known_from } = run(sale, seed);
        for Told { second, place, outlook } in told {
            let position_served = admitted.range(..=place).next_back().is_some_and(|(last, _)| *last == place);
            if second < known_from || !position_served {
                continue;
            }
            let waited = admitted[&place] - second;
            if waited >= position_from {
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
fn what_is_told_is_what_comes() {
    for sale in SALES {
        let by_minute = ratios(sale, 2);
        let all: Vec<(f64, bool)> = by_minute.values().flatten().copied().collect();
        let told = median(all.iter().map(|(ratio, _)| *ratio).collect());
        let within = all.iter().filter(|(_, within)| *within).count() as f64 / all.len() as f64;
        let minutes: Vec<String> = by_minute
            .iter()
            .map(|(minute, told)| format!("{minute}: {:.2}", median(told.iter().map(|(ratio, _)| *ratio).collect())))
            .collect();
        println!("{}: {told:.2}, within {within:.2}; {}", sale.name, minutes.join(", "));
        assert!((0.8..=1.4).contains(&told), "{}: {told}", sale.name);
    }
}
