//! Fault injection: which faults there are, at which rates a seed injects them, and how often it did.

use crate::dice::Dice;
use std::collections::BTreeMap;

macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident = $text:literal, dice $key:literal, $most:literal;)*) => {
        /// A fault that can be injected.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Fault { $($(#[$doc])* $name,)* }

        impl Fault {
            /// All faults, in the order of the result table.
            pub const ALL: &[Fault] = &[$(Fault::$name),*];

            /// The name in the story, in the result table and on the command line.
            pub fn text(self) -> &'static str {
                match self { $(Fault::$name => $text),* }
            }

            /// The key of the fault's dice. It stays when the name changes: another key changes what every seed does.
            fn key(self) -> &'static str {
                match self { $(Fault::$name => $key),* }
            }

            /// The highest rate a seed draws, in 10,000.
            fn most(self) -> u64 {
                match self { $(Fault::$name => $most),* }
            }
        }
    };
}

faults! {
    /// A request to a table or message queue is lost before it is applied.
    RequestLost = "request lost", dice "request lost", 800;
    /// A request is applied, but its answer is lost.
    AnswerLost = "answer lost", dice "answer lost", 800;
    /// A request is applied, but its answer comes after the SDK has given up on the attempt.
    AnswerLate = "answer late", dice "answer late", 400;
    /// A request is applied long after its sender gave up on it.
    RequestLate = "request late", dice "request late", 300;
    /// A request is refused for throughput.
    Throttled = "throttled", dice "throttled", 600;
    /// A write is refused for a transaction conflict, though no transaction of this run is in flight at its items.
    Conflict = "transaction conflict", dice "transaction conflict", 600;
    /// A transaction is delayed until its next copy is refused for a conflict, and applied just then.
    Straggler = "conflict beside a late copy", dice "conflict beside a late copy", 2_000;
    /// A request is answered with status 500 and not applied.
    FailedBefore = "internal error, not applied", dice "internal error, not applied", 400;
    /// A write is answered with status 500, but applied.
    FailedAfter = "internal error, applied", dice "internal error, applied", 400;
    /// An eventually consistent read shows an earlier version.
    StaleRead = "stale read", dice "stale read", 6_000;
    /// An entry of a batch of messages is refused.
    BatchRefused = "message refused", dice "message refused", 500;
    /// A function dies in the middle of an invocation.
    Killed = "function killed", dice "function killed", 500;
    /// A request of a fan or admin invokes its function twice.
    Doubled = "invocation doubled", dice "invocation doubled", 500;
    /// A function starts cold though a warm one is free.
    Cold = "cold start", dice "cold start", 1_500;
    /// A function's clock has a constant skew of up to a second.
    ClockSkewed = "clock skewed", dice "clock apart", 10_000;
    /// A function thaws with an old clock.
    ClockOld = "clock old", dice "clock old", 500;
    /// A fan's request is lost before it invokes a function.
    DoorLost = "request of a fan lost", dice "request of a fan lost", 600;
    /// The answer to a fan is lost.
    DoorAnswerLost = "answer to a fan lost", dice "answer to a fan lost", 800;
    /// A message is delivered twice.
    MessageRepeated = "message repeated", dice "message repeated", 1_000;
    /// A message becomes visible late.
    MessageLate = "message late", dice "message late", 3_000;
    /// Messages that are due are received in reverse order.
    MessageReordered = "messages reordered", dice "messages reordered", 5_000;
    /// A message that no function understands is sent.
    MessagePoisoned = "message poisoned", dice "message poisoned", 300;
    /// The timer of a hold is lost, at most once for each hold: the sweep has to find the hold.
    TimerLost = "timer lost", dice "timer lost", 5_000;
    /// A batch of stream records is delivered again.
    ChangesRepeated = "changes repeated", dice "changes repeated", 1_000;
    /// A batch has at most three stream records.
    ChangesSplit = "changes split", dice "changes split", 3_000;
    /// A batch of stream records comes late.
    ChangesLate = "changes late", dice "changes late", 1_000;
    /// A schedule does not fire.
    TickSkipped = "schedule skipped", dice "schedule skipped", 4_000;
    /// A schedule fires twice at once.
    TickDoubled = "schedule doubled", dice "schedule doubled", 3_000;
    /// A write conflicts with a transaction of this run. Counted only, never injected.
    Overlap = "transaction conflict, not injected", dice "transaction in the way", 0;
    /// A copy of a transaction is recognised by its client token. Counted only, never injected.
    Repeated = "transaction repeated", dice "transaction repeated", 0;
    /// TTL deletes expired items at once.
    TtlAtOnce = "TTL at once", dice "TTL at once", 10_000;
}

/// The rates at which a seed injects faults, in 10,000.
pub type Rates = BTreeMap<Fault, u32>;

/// Draws the rates of a seed: some seeds have no faults, most a random part of them, some all.
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

/// Sets high rates for the faults that let two holders of a seat meet: wrong clocks, late clean-up and stale reads.
pub fn astray(rates: &mut Rates, dice: &mut Dice) {
    for fault in [Fault::ClockSkewed, Fault::ClockOld, Fault::ChangesLate, Fault::MessageLate, Fault::StaleRead] {
        rates.insert(fault, u32::try_from(dice.within(1_000..=5_000)).unwrap_or(10_000));
    }
}

/// Decides when faults are injected. Each fault has its own dice, so that leaving one out changes the others little.
#[derive(Debug)]
pub struct Faults {
    seed: u64,
    rates: Rates,
    dice: BTreeMap<Fault, Dice>,
    healed: bool,
    counts: BTreeMap<Fault, u64>,
}

impl Faults {
    /// The faults of a seed at its rates. None is injected before [`Faults::start`].
    pub fn new(seed: u64, rates: Rates) -> Self {
        Faults { seed, rates, dice: BTreeMap::new(), healed: true, counts: BTreeMap::new() }
    }

    /// Starts fault injection.
    pub fn start(&mut self) {
        self.healed = false;
    }

    /// Ends fault injection.
    pub fn heal(&mut self) {
        self.healed = true;
    }

    /// Whether faults may be injected.
    pub fn active(&self) -> bool {
        !self.healed
    }

    /// Whether to inject a fault now; counts it if so.
    pub fn should_inject(&mut self, fault: Fault) -> bool {
        let rate = self.rates.get(&fault).copied().unwrap_or(0);
        if self.healed || rate == 0 {
            return false;
        }
        let inject = self.dice(fault).happens(rate);
        *self.counts.entry(fault).or_default() += u64::from(inject);
        inject
    }

    /// Counts a fault that happened without being injected, such as a conflict of two transactions of the run.
    pub fn note(&mut self, fault: Fault) {
        *self.counts.entry(fault).or_default() += 1;
    }

    /// Draws the extent of a fault, such as its delay, from a range.
    pub fn extent(&mut self, fault: Fault, range: std::ops::RangeInclusive<u64>) -> u64 {
        self.dice(fault).within(range)
    }

    fn dice(&mut self, fault: Fault) -> &mut Dice {
        self.dice.entry(fault).or_insert_with(|| Dice::of(self.seed, fault.key(), 0))
    }

    /// How often each fault was injected or counted.
    pub fn counts(&self) -> &BTreeMap<Fault, u64> {
        &self.counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_faults_share_a_name_or_dice() {
        let names: BTreeSet<&str> = Fault::ALL.iter().map(|fault| fault.text()).collect();
        let keys: BTreeSet<&str> = Fault::ALL.iter().map(|fault| fault.key()).collect();
        assert_eq!((names.len(), keys.len()), (Fault::ALL.len(), Fault::ALL.len()));
    }
}
