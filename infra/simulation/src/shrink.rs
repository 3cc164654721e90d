//! Shrinking: finds a smaller run of a failed seed that fails in the same way.

use crate::{
    log::Keep,
    plan::{Overrides, Plan},
    run::{Report, run},
};
use std::sync::Arc;
use template::Template;

/// How many runs shrinking may take.
const RUNS: u32 = 60;

/// What the first violation of a run is about: its words before the details. `None` if there is no violation.
pub fn class(report: &Report) -> Option<&str> {
    report.violations.first().map(|violation| violation.split(':').next().unwrap_or_default())
}

/// Searches for cuts with which the seed still has a violation of the same class. Returns `cuts` if the seed does not
/// fail.
pub fn shrink(seed: u64, cuts: &Overrides, template: &Arc<Template>) -> Overrides {
    let whole = run(seed, cuts, template, Keep::Hash);
    let Some(wanted) = class(&whole).map(str::to_owned) else { return cuts.clone() };
    let mut left = RUNS;
    let mut fails = |cuts: &Overrides| {
        left = left.saturating_sub(1);
        left > 0 && class(&run(seed, cuts, template, Keep::Hash)) == Some(&wanted)
    };
    let plan = Plan::of(seed, cuts);
    let mut best = cuts.clone();
    // Keep a single fault; if none is enough alone, leave out one after the other.
    let faults: Vec<_> = plan.rates.keys().copied().collect();
    let only = faults.iter().map(|kept| {
        let without = best.without.iter().chain(faults.iter().filter(|fault| *fault != kept)).copied().collect();
        Overrides { without, ..best.clone() }
    });
    match only.into_iter().find(|cuts| fails(cuts)) {
        Some(found) => best = found,
        None => {
            for fault in faults {
                let mut less = best.clone();
                less.without.insert(fault);
                if fails(&less) {
                    best = less;
                }
            }
        }
    }
    let mut fans = best.fans.unwrap_or(plan.fans);
    while fans > 1 {
        let fewer = if fans > 4 { fans / 2 } else { fans - 1 };
        let less = Overrides { fans: Some(fewer), ..best.clone() };
        if !fails(&less) {
            break;
        }
        (best, fans) = (less, fewer);
    }
    // Bisect the time in which faults are injected, to a second.
    let (mut too_short, mut enough) = (0, best.chaos_ms.unwrap_or(plan.chaos_ms));
    while enough > too_short + 1_000 {
        let middle = (too_short + enough) / 2;
        let less = Overrides { chaos_ms: Some(middle), ..best.clone() };
        if fails(&less) {
            (best, enough) = (less, middle);
        } else {
            too_short = middle;
        }
    }
    best
}
