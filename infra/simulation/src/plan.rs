//! The plan of a run: its sizes, times and fault rates, drawn from the seed.

use crate::{
    dice::Dice,
    fault::{self, Fault, Rates},
    mutation::Mutation,
};
use std::collections::BTreeSet;

/// Changes to the plan of a seed: fewer faults, fans and less time for shrinking, and mutations to test the checks.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// Faults that are not injected.
    pub without: BTreeSet<Fault>,
    /// At most this many fans.
    pub fans: Option<usize>,
    /// Faults are injected for at most this many milliseconds.
    pub chaos_ms: Option<u64>,
    /// The mutations that the run has.
    pub mutations: Vec<Mutation>,
}

/// The kind of fans in a sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crowd {
    /// All kinds of fans.
    Usual,
    /// A thousand fans for one seat.
    Stampede,
    /// A few seats change hands quickly: held for seconds, released, held by the next fan, refunded.
    Restless,
    /// Fans stay after their short session is over, with clock skew.
    Lingering,
    /// Fans hold the same seats again in the instant in which their hold ends, with clock skew.
    Renewing,
}

/// The sizes, times and fault rates of a run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The seed.
    pub seed: u64,
    /// How often each fault is injected.
    pub rates: Rates,
    /// How many fans come.
    pub fans: usize,
    /// Seats of the concert.
    pub seats: u32,
    /// The capacity of the queue: how many fans may be inside at once, until an admin changes it.
    pub capacity: u64,
    /// How long a seat is held, in seconds.
    pub hold_seconds: u64,
    /// The claim window: how long an admitted fan may take to claim the session, in seconds.
    pub claim_seconds: u64,
    /// How long a session lasts, in seconds.
    pub active_seconds: u64,
    /// How long a fan may wait, in seconds.
    pub waiting_seconds: u64,
    /// Seconds between two ticks.
    pub tick_seconds: u64,
    /// Seats one session may hold.
    pub seats_per_session: u32,
    /// Holds one session may make.
    pub holds_per_session: u64,
    /// How often a fan may join in a minute.
    pub joins_per_fan: u64,
    /// Places that a fan may draw in an hour; 0 is no limit.
    pub places_per_fan: u64,
    /// Whether a payment that is refused for insufficient balance releases the seats.
    pub release_unpaid: bool,
    /// What a seat costs.
    pub price: u64,
    /// How long faults are injected, in milliseconds.
    pub chaos_ms: u64,
    /// The kind of fans.
    pub crowd: Crowd,
    /// Whether admins change settings during the sale.
    pub admin: bool,
    /// Whether a quarter of a year passes at the end, so that TTL deletes what is due.
    pub quarter: bool,
    /// The mutations that the run has.
    pub mutations: Vec<Mutation>,
}

/// Seats of one section.
pub const SECTION: u64 = 1_000;
/// One in this many sales of the usual kind has 50,000 seats, and one has 100 to 300 fans.
const LARGE: u64 = 200;
/// One in this many seeds is a stampede.
const STAMPEDE: u64 = 4_000;

impl Crowd {
    fn draw(dice: &mut Dice) -> Self {
        match () {
            () if dice.below(STAMPEDE) == 0 => Crowd::Stampede,
            () if dice.happens(3_500) => Crowd::Restless,
            () if dice.happens(1_000) => Crowd::Lingering,
            () if dice.happens(2_000) => Crowd::Renewing,
            () => Crowd::Usual,
        }
    }

    fn seats(self, dice: &mut Dice) -> u64 {
        let size = dice.below(LARGE);
        match self {
            Crowd::Stampede => 1,
            Crowd::Restless => dice.within(1..=3),
            Crowd::Lingering | Crowd::Renewing => dice.within(20..=40),
            Crowd::Usual => match size {
                0 => 50_000,
                1..=8 => dice.within(257..=600),
                9..=70 => dice.within(1..=2),
                71..=150 => dice.within(3..=8),
                _ => dice.within(7..=40),
            },
        }
    }

    fn fans(self, dice: &mut Dice) -> u64 {
        let size = dice.below(LARGE);
        match self {
            Crowd::Stampede => 1_000,
            Crowd::Restless | Crowd::Lingering | Crowd::Renewing => dice.within(3..=8),
            Crowd::Usual => match size {
                0 => dice.within(100..=300),
                1..=8 => dice.within(25..=60),
                9..=80 => dice.within(2..=6),
                _ => dice.within(7..=16),
            },
        }
    }

    fn hold_seconds(self, dice: &mut Dice) -> u64 {
        match self {
            Crowd::Restless | Crowd::Renewing => dice.within(3..=8),
            Crowd::Lingering => dice.within(8..=15),
            // Longer than the longest delay of a message, so that a timer is sent again.
            _ if dice.happens(600) => dice.within(905..=930),
            _ if dice.happens(6_000) => dice.within(4..=10),
            _ => dice.within(10..=40),
        }
    }
}

impl Plan {
    /// The plan that a seed draws, changed by `cuts`.
    pub fn of(seed: u64, cuts: &Overrides) -> Self {
        let mut dice = Dice::of(seed, "plan", 0);
        let mut rates = fault::draw(&mut dice);
        let crowd = Crowd::draw(&mut dice);
        let astray = match crowd {
            Crowd::Lingering | Crowd::Renewing => true,
            Crowd::Restless => dice.happens(5_000),
            Crowd::Usual | Crowd::Stampede => dice.happens(1_000),
        };
        if astray {
            fault::astray(&mut rates, &mut dice);
        }
        rates.retain(|fault, _| !cuts.without.contains(fault));
        let (seats, fans) = (crowd.seats(&mut dice), crowd.fans(&mut dice));
        let hold_seconds = crowd.hold_seconds(&mut dice);
        Plan {
            seed,
            rates,
            fans: (fans as usize).min(cuts.fans.unwrap_or(usize::MAX)),
            seats: u32::try_from(seats).unwrap_or(u32::MAX),
            capacity: if crowd != Crowd::Restless && dice.happens(4_000) {
                dice.within(1..=3)
            } else {
                dice.within(fans / 2 + 1..=fans + 2)
            },
            hold_seconds,
            claim_seconds: dice.within(3..=20),
            active_seconds: match crowd {
                Crowd::Restless | Crowd::Renewing => dice.within(30..=90),
                Crowd::Lingering => dice.within(8..=15),
                Crowd::Usual | Crowd::Stampede => dice.within(10..=90),
            },
            waiting_seconds: if dice.happens(3_000) { dice.within(10..=60) } else { 600 },
            tick_seconds: match crowd {
                Crowd::Restless | Crowd::Lingering => *dice.pick(&[5, 10]),
                _ => *dice.pick(&[5, 10, 10, 20, 30]),
            },
            seats_per_session: u32::try_from(dice.within(1..=if crowd == Crowd::Renewing { 2 } else { 4 }))
                .unwrap_or(4),
            joins_per_fan: if dice.happens(2_000) { dice.within(3..=6) } else { 20 },
            // More than a dozen: the last fan buys a dozen seats, each with a place of its own.
            places_per_fan: if dice.happens(1_500) { dice.within(20..=26) } else { 0 },
            release_unpaid: dice.happens(3_000),
            price: *dice.pick(&[1, 10_000, 50_000]),
            chaos_ms: dice
                .within(20_000..=if crowd == Crowd::Stampede { 30_000 } else { 100_000 })
                .min(cuts.chaos_ms.unwrap_or(u64::MAX)),
            crowd,
            admin: dice.happens(5_000),
            quarter: dice.happens(1_500),
            holds_per_session: if dice.happens(3_000) { dice.within(2..=6) } else { 30 },
            mutations: cuts.mutations.clone(),
        }
    }

    /// The value of an environment variable of the functions, if the plan sets it.
    pub fn variable(&self, name: &str) -> Option<String> {
        let value = match name {
            "HOLD_SECONDS" => self.hold_seconds,
            "QUEUE_CAPACITY" => self.capacity,
            "CLAIM_WINDOW_SECONDS" => self.claim_seconds,
            "ACTIVE_SECONDS" => self.active_seconds,
            "WAITING_SECONDS" => self.waiting_seconds,
            "TICK_SECONDS" => self.tick_seconds,
            "HOLDS_PER_SESSION" => self.holds_per_session,
            "JOINS_PER_FAN" => self.joins_per_fan,
            "PLACES_PER_FAN" => self.places_per_fan,
            "SEATS_PER_SESSION" => u64::from(self.seats_per_session),
            "RECHARGE_BY" => return Some("fan".to_owned()),
            "RELEASE_HOLD_ON_INSUFFICIENT_BALANCE" => return Some(self.release_unpaid.to_string()),
            _ => return None,
        };
        Some(value.to_string())
    }

    /// The plan in words, for the story.
    pub fn text(&self) -> String {
        let rates: Vec<String> = self.rates.iter().map(|(fault, rate)| format!("{} {rate}", fault.text())).collect();
        format!(
            "{} fans, {} seats at {}, {} admitted at once, hold {} s, claim {} s, session {} s, wait {} s, tick {} s, \
             {} seats and {} holds a session; {} s of: {}",
            self.fans,
            self.seats,
            self.price,
            self.capacity,
            self.hold_seconds,
            self.claim_seconds,
            self.active_seconds,
            self.waiting_seconds,
            self.tick_seconds,
            self.seats_per_session,
            self.holds_per_session,
            self.chaos_ms / 1000,
            if rates.is_empty() { "nothing".to_owned() } else { rates.join(", ") },
        )
    }
}
