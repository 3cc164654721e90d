//! Runs of the simulator under seeds.

use simulation::{
    log::Keep,
    plan::{Overrides, Plan},
    run::run,
};
use std::sync::Arc;
use template::Template;

const HOUR_MS: u64 = 60 * 60_000;

#[test]
fn the_same_seed_gives_the_same_trace() {
    let template = Arc::new(Template::load(&template::locate().unwrap()).unwrap());
    let [one, two] = [Keep::Hash, Keep::Story].map(|keep| run(12, &Overrides::default(), &template, keep));
    assert_eq!(one.hash, two.hash);
    assert!(one.violations.is_empty(), "{:?}", one.violations);
    assert!(one.purchases > 0, "the sale sells nothing");
}

#[test]
fn a_mutant_is_killed_and_its_run_ends() {
    let template = Arc::new(Template::load(&template::locate().unwrap()).unwrap());
    // A seed with a quarter of a year at the end, in which a stream record that fails would be retried again and again.
    let with_quarter = |seed: &u64| Plan::of(*seed, &Overrides::default()).quarter;
    let seed = (1..).find(with_quarter).expect("a seed");
    let whole = run(seed, &Overrides::default(), &template, Keep::Hash);
    let seats = "update in a transaction session: SET seatsTaken = seatsTaken + :seats";
    let guard = whole.guards.into_keys().find(|guard| guard.to_string().starts_with(seats)).expect("a hold");
    let cuts = Overrides { mutations: vec![guard], ..Overrides::default() };
    let without = run(seed, &cuts, &template, Keep::Hash);
    let first = without.violations.first().map_or("nothing", String::as_str);
    assert!(first.starts_with("seats of a session"), "{first}");
    assert!(without.simulated_ms < 4 * HOUR_MS, "{} ms", without.simulated_ms);
}
