//! Mutation testing: runs each mutant until a seed kills it.

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

/// Seeds that are run first, to collect the mutations that their requests allow.
const COLLECT: u64 = 60;

/// Guards that do each other's work: an invariant breaks only if all guards of a group are gone. Each of them survives
/// alone; a guard whose mutant is killed alone would hide whether the others of its group matter.
const TOGETHER: &[&[&str]] = &[
    &["update in a transaction seat: REMOVE heldUntil", "put in a transaction seat: #status = :held"],
    &["update in a transaction balance: #sequence", "put in a transaction ledger entry: attribute_not_exists(pk)"],
];

/// Prints for each mutant how many seeds were run until one killed it, or that it survived. Returns whether each guard
/// matters: its mutant was killed, alone or together with those that do the same work.
pub fn table(options: &Options, seeds: u64, template: &Arc<Template>, print: impl Fn(&str)) -> bool {
    let guards = collect(options, template);
    let all: Vec<Mutation> = guards.into_keys().collect();
    let named = |text: &&str| all.iter().find(|guard| guard.to_string().starts_with(text)).cloned();
    let groups = TOGETHER.iter().map(|texts| texts.iter().filter_map(named).collect());
    let mut trials: Vec<Vec<Mutation>> = all.iter().map(|guard| vec![guard.clone()]).chain(groups).collect();
    trials.retain(|trial| words(trial).contains(&options.only));
    print(&format!("{} mutants, at most {seeds} seeds each", trials.len()));
    let (mut survived, mut together) = (Vec::new(), Vec::new());
    for trial in trials {
        let cuts = Overrides { mutations: trial.clone(), ..options.cuts.clone() };
        let (mut tried, mut killed) = (0, None);
        run_all(options.from..options.from + seeds, options.threads, &cuts, template, |report| {
            tried += 1;
            killed = class(&report).map(|class| (report.seed, class.to_owned()));
            killed.is_none()
        });
        match killed {
            Some((seed, class)) => {
                print(&format!("| {} | {tried} | {seed} | {class} |", words(&trial)));
                together.extend(trial);
            }
            None => {
                print(&format!("| {} | survived {tried} | | |", words(&trial)));
                survived.push(trial);
            }
        }
    }
    survived.retain(|trial| !trial.iter().all(|guard| together.contains(guard)));
    print(&format!("{} mutants survived, alone and in groups", survived.len()));
    survived.iter().for_each(|trial| print(&words(trial)));
    survived.is_empty()
}

fn words(trial: &[Mutation]) -> String {
    trial.iter().map(Mutation::to_string).collect::<Vec<_>>().join(" **and** ")
}

/// Finds the mutations that `--mutate` names: for each text the first one whose name contains it.
///
/// # Errors
/// If no request of the first seeds allows such a mutation.
pub fn find(options: &Options, template: &Arc<Template>) -> Result<Vec<Mutation>, String> {
    if options.mutate.is_empty() {
        return Ok(Vec::new());
    }
    let guards = collect(options, template);
    let each = options.mutate.iter().map(|text| {
        let found = guards.keys().find(|guard| guard.to_string().contains(text)).cloned();
        found.ok_or_else(|| format!("no mutant whose name contains {text}"))
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
