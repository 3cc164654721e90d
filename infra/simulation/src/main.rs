//! `cargo simulate`: runs seeds, replays one seed, or tests mutants.

#![expect(clippy::print_stdout, reason = "a command-line tool reports on stdout")]

use simulation::{
    findings::{self, Table},
    log::Keep,
    mutants,
    options::{HELP, Options, Task, replay},
    parallel::run_all,
    plan::Overrides,
    report::Summary,
    run::{Report, run},
    shrink::shrink,
};
use std::{
    error::Error,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};
use template::Template;
use tools::command_line;

/// How often progress is printed.
const PROGRESS: Duration = Duration::from_secs(5);
/// A search ends after this many failed seeds.
const MAX_FAILED: usize = 3;
/// Lines of the story that are printed for a failure: the last ones up to the first violation.
const STORY: usize = 60;

fn main() -> ExitCode {
    command_line::run("cargo simulate", HELP, Options::parse, |options| {
        Ok(if perform(options)? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

/// Does what the command line says. Returns whether no run has a violation; of mutants, whether none survived.
fn perform(mut options: Options) -> Result<bool, Box<dyn Error>> {
    let template = Arc::new(Template::load(&template::locate()?)?);
    options.cuts.mutations = mutants::find(&options, &template)?;
    match options.task {
        Task::Replay(seed) => {
            let keep = if options.network { Keep::Network } else { Keep::Story };
            Ok(print_run(&run(seed, &options.cuts, &template, keep), usize::MAX))
        }
        Task::Seeds(seeds) => search(&options, options.from..options.from + seeds, Duration::MAX, &template),
        Task::For(time) => search(&options, options.from..u64::MAX, time, &template),
        Task::Mutations(seeds) => test_mutants(&options, seeds, &template),
    }
}

/// Runs each mutant. Returns whether none survived.
fn test_mutants(options: &Options, seeds: u64, template: &Arc<Template>) -> Result<bool, Box<dyn Error>> {
    let results = mutants::test(options, seeds, template, |line| println!("{line}"));
    println!("{} mutants survived, alone and in groups", results.survived.len());
    results.survived.iter().for_each(|name| println!("{name}"));
    if options.write {
        findings::write(Table::Mutants, &command(), &results.table)?;
    }
    Ok(results.survived.is_empty())
}

/// The command that runs, for a shell.
fn command() -> String {
    std::env::args().skip(1).fold("cargo simulate".to_owned(), |command, argument| {
        if argument.contains(' ') { format!("{command} \"{argument}\"") } else { format!("{command} {argument}") }
    })
}

/// Prints a run with the last `most` lines of its story up to the first violation (with `usize::MAX` the whole story).
/// Returns whether the run has no violation.
fn print_run(report: &Report, most: usize) -> bool {
    let first = report.story.iter().position(|line| line.contains("VIOLATED")).map_or(report.story.len(), |at| at + 1);
    let story = if most == usize::MAX { &report.story } else { &report.story[..first] };
    if story.len() > most {
        println!("{}\n...", story[0]);
    }
    story.iter().skip(story.len().saturating_sub(most)).for_each(|line| println!("{line}"));
    println!(
        "seed {}: {} requests of fans, {} to tables and queues, {} purchases, {} refunds, {} checks, {} simulated \
         seconds, trace {}",
        report.seed,
        report.calls,
        report.requests,
        report.purchases,
        report.refunds,
        report.checks,
        report.simulated_ms / 1_000,
        report.hash,
    );
    report.violations.iter().for_each(|violation| println!("VIOLATED: {violation}"));
    report.violations.is_empty()
}

/// Runs seeds until the range or the time is used up, or [`MAX_FAILED`] seeds failed. Returns whether none failed.
///
/// # Errors
/// If the table of FINDINGS.md cannot be written.
fn search(
    options: &Options,
    seeds: std::ops::Range<u64>,
    time: Duration,
    template: &Arc<Template>,
) -> Result<bool, Box<dyn Error>> {
    let (start, mut printed, mut summary) = (Instant::now(), Instant::now(), Summary::default());
    run_all(seeds, options.threads, &options.cuts, template, |report| {
        summary.add(&report);
        if !report.violations.is_empty() {
            explain(report.seed, &options.cuts, template);
        }
        if printed.elapsed() >= PROGRESS {
            println!("{}", summary.progress(start.elapsed()));
            printed = Instant::now();
        }
        summary.failed.len() < MAX_FAILED && start.elapsed() < time
    });
    println!("{}\n{summary}", summary.progress(start.elapsed()));
    if options.write {
        findings::write(Table::LongRun, &command(), &summary.markdown(start.elapsed()))?;
    }
    Ok(summary.failed.is_empty())
}

/// Shrinks the run of a failed seed, then prints the smaller run, its story and the command that repeats it.
fn explain(seed: u64, cuts: &Overrides, template: &Arc<Template>) {
    println!("seed {seed} fails; looking for a smaller run that fails too");
    let cuts = shrink(seed, cuts, template);
    print_run(&run(seed, &cuts, template, Keep::Story), STORY);
    println!("{}", replay(seed, &cuts));
}
