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
const TOGETHER: &[&[&str]] =
    &[&["update in a transaction seat: REMOVE heldUntil", "put in a transaction seat: #status = :held"]];

/// What the runs of all mutants showed.
#[derive(Debug)]
pub struct Results {
    /// The table in Markdown: a row for each mutant.
    pub table: String,
    /// The mutants that no seed killed, neither alone nor together with those that do the same work.
    pub survived: Vec<String>,
}

/// The head of the table. Two runs end in any order, so a mutant may be reported after more seeds than killed it.
const HEAD: &str = "| mutant without | seeds run | killed at seed | by |\n|---|---|---|---|\n";

/// Runs each mutant until a seed kills it, with at most this many `seeds`. Prints each row of the table when it is known.
pub fn test(options: &Options, seeds: u64, template: &Arc<Template>, print: impl Fn(&str)) -> Results {
    let guards = collect(options, template);
    let all: Vec<Mutation> = guards.into_keys().collect();
    let named = |text: &&str| all.iter().find(|guard| guard.to_string().starts_with(text)).cloned();
    let groups = TOGETHER.iter().map(|texts| texts.iter().filter_map(named).collect());
    let mut trials: Vec<Vec<Mutation>> = all.iter().map(|guard| vec![guard.clone()]).chain(groups).collect();
    trials.retain(|trial| words(trial).contains(&options.only));
    print(&format!("{} mutants, at most {seeds} seeds each\n{}", trials.len(), HEAD.trim_end()));
    let (mut table, mut survived, mut together) = (HEAD.to_owned(), Vec::new(), Vec::new());
    for trial in trials {
        let cuts = Overrides { mutations: trial.clone(), ..options.cuts.clone() };
        let (mut tried, mut killed) = (0, None);
        run_all(options.from..options.from + seeds, options.threads, &cuts, template, |report| {
            tried += 1;
            killed = class(&report).map(|class| (report.seed, class.to_owned()));
            killed.is_none()
        });
        let name = words(&trial);
        let row = match killed {
            Some((seed, class)) => {
                together.extend(trial);
                format!("| {name} | {tried} | {seed} | {class} |")
            }
            None => {
                survived.push(trial);
                format!("| {name} | {tried} | | survived |")
            }
        };
        print(&row);
        table += &format!("{row}\n");
    }
    survived.retain(|trial| !trial.iter().all(|guard| together.contains(guard)));
    Results { table, survived: survived.iter().map(|trial| words(trial)).collect() }
}

/// The guards of a mutant, in Markdown.
fn words(trial: &[Mutation]) -> String {
    trial.iter().map(|guard| format!("`{guard}`")).collect::<Vec<_>>().join(" **and** ")
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
