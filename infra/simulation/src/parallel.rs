//! Many runs at once.

use crate::{
    log::Keep,
    plan::Overrides,
    run::{Report, run},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    thread,
};
use template::Template;

/// Runs seeds in order on this many threads and hands each report to `each`, until that returns `false` or the seeds
/// are used up. Reports come in the order in which runs end; what a run does depends on its seed alone.
pub fn run_all(
    seeds: std::ops::Range<u64>,
    threads: usize,
    cuts: &Overrides,
    template: &Arc<Template>,
    mut each: impl FnMut(Report) -> bool,
) {
    let (next, stop) = (AtomicU64::new(seeds.start), AtomicBool::new(false));
    thread::scope(|scope| {
        let (sender, reports) = mpsc::sync_channel(threads);
        for _ in 0..threads {
            let (sender, next, stop) = (sender.clone(), &next, &stop);
            scope.spawn(move || {
                while !stop.load(Ordering::SeqCst) {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= seeds.end || sender.send(run(seed, cuts, template, Keep::Hash)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        for report in reports {
            if !each(report) {
                stop.store(true, Ordering::SeqCst);
                break;
            }
        }
    });
}
