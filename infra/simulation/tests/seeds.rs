//! Runs of the simulator under seeds.

use simulation::{log::Keep, plan::Cuts, run::run};
use std::sync::Arc;
use template::Template;

#[test]
fn the_same_seed_gives_the_same_trace() {
    let template = Arc::new(Template::load(&template::locate().unwrap()).unwrap());
    for seed in [3, 12] {
        let [one, two] = [Keep::Hash, Keep::Story].map(|keep| run(seed, &Cuts::default(), &template, keep));
        assert_eq!(one.hash, two.hash, "seed {seed}");
        assert!(one.violations.is_empty(), "seed {seed}: {:?}", one.violations);
        assert!(one.purchases > 0, "seed {seed} sells nothing");
    }
}
