//! `cargo conformance`: runs schemathesis, an independent tool, against the running system and its OpenAPI document.

#![expect(clippy::print_stdout, reason = "prints the table of results")]

mod caller;
mod options;
mod report;
mod stage;
mod tool;

use std::{error::Error, process::ExitCode, thread};

use caller::Caller;
use e2e::{Data, Site, Stack};
use options::Options;
use stage::Stage;
use tokio::runtime::Runtime;
use tool::{Run, Tool};
use tools::command_line;

/// Settings under which no limit stops the tool: nobody waits, a session outlasts the run, seats are free again after a
/// few seconds, and one address may send every request. All other settings are the defaults.
const VARIABLES: [(&str, &str); 11] = [
    ("HOLD_SECONDS", "5"),
    ("QUEUE_CAPACITY", "1000000"),
    ("ACTIVE_SECONDS", "14400"),
    ("SEATS_PER_SESSION", "8"),
    ("HOLDS_PER_SESSION", "1000"),
    ("SIGN_UPS_PER_ADDRESS", "0"),
    ("LOGINS_PER_ADDRESS", "0"),
    ("LOGINS_PER_USERNAME", "0"),
    ("JOINS_PER_ADDRESS", "0"),
    ("JOINS_PER_FAN", "0"),
    ("PLACES_PER_FAN", "0"),
];

fn main() -> ExitCode {
    command_line::run("cargo conformance", options::HELP, options::parse, run)
}

/// How many callers are at work at once, each against a system of its own. The tool itself uses one core.
const AT_ONCE: usize = 2;

/// Runs the tool as each caller. Fails if a run found anything.
fn run(options: Options) -> Result<ExitCode, Box<dyn Error>> {
    let callers = Caller::ALL.into_iter().filter(|caller| options.only.is_none_or(|only| only == *caller));
    let tool = Tool::install()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    println!(
        "{:<28} {:>10} {:>9} {:>9} {:>12} {:>9}",
        "caller", "operations", "requests", "failures", "ignored", "time"
    );
    let mut good = true;
    for together in callers.collect::<Vec<_>>().chunks(AT_ONCE) {
        let run = |caller| run_as(caller, &options, &tool, &runtime);
        let outcomes: Vec<Result<bool, String>> = thread::scope(|scope| {
            let threads: Vec<_> = together.iter().map(|caller| scope.spawn(move || run(*caller))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err("a run panicked".into()))).collect()
        });
        for outcome in outcomes {
            good &= outcome?;
        }
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs the tool as one caller, prints what came of it, and returns whether it found nothing.
fn run_as(caller: Caller, options: &Options, tool: &Tool, runtime: &Runtime) -> Result<bool, String> {
    let stack = Stack::start(Data::Ephemeral, &VARIABLES);
    let stage = runtime.block_on(async { Stage::set(&Site::open(&stack).await).await });
    let run = Run {
        name: caller.name(),
        address: stack.address(),
        document: stage.document.to_string(),
        users: caller.users(&stage, stack.admin()),
        dictionaries: &stage.dictionaries(),
    };
    let (report, said) = tool.run(options, &run).map_err(|error| error.to_string())?;
    println!("{:<28} {report}", caller.title());
    if !report.is_good() {
        println!("{said}\n{report:?}");
    }
    Ok(report.is_good())
}
