//! The prover on trial: each guard is taken out in turn, until a seed notices.

use crate::{
    crew::run_all,
    mutation::{Guards, Mutation},
    options::Options,
    plan::Cuts,
    report::Summary,
    shrink::class,
};
use std::sync::Arc;
use template::Template;

/// Seeds whose guards are collected.
const COLLECT: u64 = 60;

/// Prints how many seeds it takes to notice that a guard is gone, for each; whether every guard was missed.
pub fn table(options: &Options, seeds: u64, template: &Arc<Template>, print: impl Fn(&str)) -> bool {
    let guards = collect(options, template);
    let chosen: Vec<Mutation> = guards.into_keys().filter(|guard| guard.to_string().contains(&options.only)).collect();
    print(&format!("{} guards, at most {seeds} seeds each", chosen.len()));
    let mut unnoticed = 0;
    for mutation in chosen {
        let cuts = Cuts { mutation: Some(mutation.clone()), ..options.cuts.clone() };
        let (mut tried, mut noticed) = (0, None);
        run_all(options.from..options.from + seeds, options.threads, &cuts, template, |report| {
            tried += 1;
            noticed = class(&report).map(|class| (report.seed, class.to_owned()));
            noticed.is_none()
        });
        unnoticed += u64::from(noticed.is_none());
        match noticed {
            Some((seed, class)) => print(&format!("| {mutation} | {tried} | {seed} | {class} |")),
            None => print(&format!("| {mutation} | not in {tried} | | |")),
        }
    }
    print(&format!("{unnoticed} guards that nothing missed"));
    unnoticed == 0
}

/// The first guard whose words contain a text.
///
/// # Errors
/// Where no seed that was looked at shows such a guard.
pub fn find(text: &str, options: &Options, template: &Arc<Template>) -> Result<Mutation, String> {
    let found = collect(options, template).into_keys().find(|guard| guard.to_string().contains(text));
    found.ok_or_else(|| format!("no guard {text}"))
}

fn collect(options: &Options, template: &Arc<Template>) -> Guards {
    let mut summary = Summary::default();
    run_all(options.from..options.from + COLLECT, options.threads, &options.cuts, template, |report| {
        summary.add(&report);
        true
    });
    summary.guards
}
