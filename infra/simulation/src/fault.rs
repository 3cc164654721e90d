//! What may break, how often, and how often it did.

use crate::dice::Dice;
use std::collections::BTreeMap;

macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $most:literal;)*) => {
        /// A way in which the world breaks.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Fault { $($(#[$doc])* $name,)* }

        impl Fault {
            /// All of them.
            pub const ALL: &[Fault] = &[$(Fault::$name),*];

            /// In words, for the table and the command line.
            pub fn text(self) -> &'static str {
                match self { $(Fault::$name => $text),* }
            }

            /// The highest rate a seed draws, in 10,000.
            fn most(self) -> u64 {
                match self { $(Fault::$name => $most),* }
            }
        }
    };
}

faults! {
    /// A request to a table or queue is lost before it is applied.
    RequestLost = "request lost", 800;
    /// Applied, but the answer is lost.
    AnswerLost = "answer lost", 800;
    /// Applied, but the answer comes after the attempt's time.
    AnswerLate = "answer late", 400;
    /// Applied long after whoever sent it gave up.
    RequestLate = "request late", 300;
    /// Refused for throughput.
    Throttled = "throttled", 600;
    /// Refused for a transaction that nobody of this run started (a hot partition's own).
    Conflict = "transaction conflict", 600;
    /// A transaction is late until the next copy of it is refused for a conflict, and applied just then.
    Straggler = "conflict beside a late copy", 2_000;
    /// Status 500, not applied.
    FailedBefore = "internal error, not applied", 400;
    /// Status 500, applied.
    FailedAfter = "internal error, applied", 400;
    /// An eventually consistent read shows an earlier version.
    StaleRead = "stale read", 6_000;
    /// Some entries of a batch of messages are refused.
    BatchRefused = "message refused", 500;
    /// A function dies in the middle of an invocation.
    Killed = "function killed", 500;
    /// An invocation is delivered twice.
    Doubled = "invocation doubled", 500;
    /// A function starts cold though a warm one is free.
    Cold = "cold start", 1_500;
    /// A function's clock is wrong by up to a second.
    ClockSkewed = "clock apart", 10_000;
    /// A function thaws with an old clock.
    ClockOld = "clock old", 500;
    /// A fan's request never reaches the door.
    DoorLost = "request of a fan lost", 600;
    /// A fan never gets the answer.
    DoorAnswerLost = "answer to a fan lost", 800;
    /// A message is delivered twice.
    MessageRepeated = "message repeated", 1_000;
    /// A message comes late.
    MessageLate = "message late", 3_000;
    /// A message comes before others that are due.
    MessageReordered = "messages reordered", 5_000;
    /// A message that nobody understands.
    MessagePoisoned = "message poisoned", 300;
    /// A timer of a hold is lost, once a hold: the sweep has to find it.
    TimerLost = "timer lost", 5_000;
    /// A batch of changes is delivered again.
    ChangesRepeated = "changes repeated", 1_000;
    /// A batch of changes is cut.
    ChangesSplit = "changes split", 3_000;
    /// A batch of changes comes late.
    ChangesLate = "changes late", 1_000;
    /// A schedule does not fire.
    TickSkipped = "schedule skipped", 4_000;
    /// A schedule fires twice at once.
    TickDoubled = "schedule doubled", 3_000;
    /// A write meets a transaction of this run.
    Overlap = "transaction in the way", 0;
    /// A transaction comes again and is known by its token.
    Repeated = "transaction repeated", 0;
    /// TTL deletes what is due at once.
    TtlAtOnce = "TTL at once", 10_000;
}

/// The rates of a seed, in 10,000.
pub type Rates = BTreeMap<Fault, u32>;

/// Draws the rates of a seed: some seeds are calm, most have a random part of the faults, some have all.
pub fn draw(dice: &mut Dice) -> Rates {
    let (chance, violence) = match dice.below(10) {
        0 => (0, 0),
        1 | 2 => (2_000, 10),
        3..=5 => (5_000, 4),
        6..=8 => (5_000, 1),
        _ => (10_000, 2),
    };
    let mut rates = Rates::new();
    for fault in Fault::ALL {
        let rate = dice.below(fault.most() + 1) / violence.max(1);
        if dice.happens(chance) && rate > 0 {
            rates.insert(*fault, u32::try_from(rate).unwrap_or(10_000));
        }
    }
    rates
}

/// Raises the rates of what lets two holders of a seat meet: functions with old clocks, and late cleaning up.
pub fn astray(rates: &mut Rates, dice: &mut Dice) {
    for fault in [Fault::ClockSkewed, Fault::ClockOld, Fault::ChangesLate, Fault::MessageLate, Fault::StaleRead] {
        rates.insert(fault, u32::try_from(dice.within(1_000..=5_000)).unwrap_or(10_000));
    }
}

/// Decides what breaks, each fault by its own dice, so that leaving one out changes the others as little as can be.
#[derive(Debug)]
pub struct Faults {
    seed: u64,
    rates: Rates,
    dice: BTreeMap<Fault, Dice>,
    healed: bool,
    counts: BTreeMap<Fault, u64>,
}

impl Faults {
    /// The faults of a seed by its rates; nothing breaks until [`Faults::start`].
    pub fn new(seed: u64, rates: Rates) -> Self {
        Faults { seed, rates, dice: BTreeMap::new(), healed: true, counts: BTreeMap::new() }
    }

    /// Things break from now on.
    pub fn start(&mut self) {
        self.healed = false;
    }

    /// Nothing breaks any more.
    pub fn heal(&mut self) {
        self.healed = true;
    }

    /// Whether things may break.
    pub fn active(&self) -> bool {
        !self.healed
    }

    /// Whether this happens now.
    pub fn should_inject(&mut self, fault: Fault) -> bool {
        let rate = self.rates.get(&fault).copied().unwrap_or(0);
        if self.healed || rate == 0 {
            return false;
        }
        let struck = self.dice(fault).happens(rate);
        *self.counts.entry(fault).or_default() += u64::from(struck);
        struck
    }

    /// Counts something that nobody decided.
    pub fn note(&mut self, fault: Fault) {
        *self.counts.entry(fault).or_default() += 1;
    }

    /// How far it goes: a number of a range.
    pub fn extent(&mut self, fault: Fault, range: std::ops::RangeInclusive<u64>) -> u64 {
        self.dice(fault).within(range)
    }

    fn dice(&mut self, fault: Fault) -> &mut Dice {
        self.dice.entry(fault).or_insert_with(|| Dice::of(self.seed, fault.text(), 0))
    }

    /// How often each struck.
    pub fn counts(&self) -> &BTreeMap<Fault, u64> {
        &self.counts
    }
}
