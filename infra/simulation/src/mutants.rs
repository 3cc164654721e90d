//! The prover on trial: each guard is taken out in turn, until a seed notices.

use crate::{
    mutation::{Guards, Mutation},
    options::Options,
    parallel::run_all,
    plan::Overrides,
    report::Summary,
    shrink::class,
};
use std::sync::Arc;
use template::Template;

/// Seeds whose guards are collected.
const COLLECT: u64 = 60;

/// Guards of which each does the work of the others: two of them must be gone for anything to be wrong. No part of a group
/// is noticed by itself, else the group would show nothing of the rest.
const TOGETHER: &[&[&str]] = &[
    &["update in a transaction seat: REMOVE heldUntil", "put in a transaction seat: #status = :held"],
    &["update in a transaction balance: #sequence", "put in a transaction ledger entry: attribute_not_exists(pk)"],
];

/// Prints how many seeds it takes to notice that a guard is gone, for each; whether every guard was missed, alone or
/// together with those that do the same work.
pub fn table(options: &Options, seeds: u64, template: &Arc<Template>, print: impl Fn(&str)) -> bool {
    let guards = collect(options, template);
    let all: Vec<Mutation> = guards.into_keys().collect();
    let named = |text: &&str| all.iter().find(|guard| guard.to_string().starts_with(text)).cloned();
    let groups = TOGETHER.iter().map(|texts| texts.iter().filter_map(named).collect());
    let mut trials: Vec<Vec<Mutation>> = all.iter().map(|guard| vec![guard.clone()]).chain(groups).collect();
    trials.retain(|trial| words(trial).contains(&options.only));
    print(&format!("{} guards, at most {seeds} seeds each", trials.len()));
    let (mut unnoticed, mut together) = (Vec::new(), Vec::new());
    for trial in trials {
        let cuts = Overrides { mutations: trial.clone(), ..options.cuts.clone() };
        let (mut tried, mut noticed) = (0, None);
        run_all(options.from..options.from + seeds, options.threads, &cuts, template, |report| {
            tried += 1;
            noticed = class(&report).map(|class| (report.seed, class.to_owned()));
            noticed.is_none()
        });
        match noticed {
            Some((seed, class)) => {
                print(&format!("| {} | {tried} | {seed} | {class} |", words(&trial)));
                together.extend(trial);
            }
            None => {
                print(&format!("| {} | not in {tried} | | |", words(&trial)));
                unnoticed.push(trial);
            }
        }
    }
    unnoticed.retain(|trial| !trial.iter().all(|guard| together.contains(guard)));
    print(&format!("{} guards that nothing missed", unnoticed.len()));
    unnoticed.iter().for_each(|trial| print(&words(trial)));
    unnoticed.is_empty()
}

fn words(trial: &[Mutation]) -> String {
    trial.iter().map(Mutation::to_string).collect::<Vec<_>>().join(" **and** ")
}

/// The guards that the options want out: for each text the first guard that contains it.
///
/// # Errors
/// Where no seed that was looked at shows such a guard.
pub fn find(options: &Options, template: &Arc<Template>) -> Result<Vec<Mutation>, String> {
    if options.mutate.is_empty() {
        return Ok(Vec::new());
    }
    let guards = collect(options, template);
    let each = options.mutate.iter().map(|text| {
        let found = guards.keys().find(|guard| guard.to_string().contains(text)).cloned();
        found.ok_or_else(|| format!("no guard {text}"))
    });
    each.collect()
}

fn collect(options: &Options, template: &Arc<Template>) -> Guards {
    let mut summary = Summary::default();
    run_all(options.from..options.from + COLLECT, options.threads, &options.cuts, template, |report| {
        summary.add(&report);
        true
    });
    summary.guards
}
