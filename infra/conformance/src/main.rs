//! `cargo conformance`: runs schemathesis, an independent tool, against the running system and its OpenAPI document.

#![expect(clippy::print_stdout, reason = "prints the table of results")]

mod caller;
mod options;
mod report;
mod stage;
mod tool;

use std::{error::Error, process::ExitCode};

use caller::Caller;
use e2e::{Data, Site, Stack};
use options::Options;
use stage::Stage;
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

/// Runs the tool as each caller, one after the other. Fails if a run found anything.
fn run(options: Options) -> Result<ExitCode, Box<dyn Error>> {
    let callers = Caller::ALL.into_iter().filter(|caller| options.only.is_none_or(|only| only == *caller));
    let tool = Tool::install()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    println!(
        "{:<28} {:>10} {:>9} {:>9} {:>12} {:>9}",
        "caller", "operations", "requests", "failures", "ignored", "time"
    );
    let mut good = true;
    for caller in callers {
        let stack = Stack::start(Data::Ephemeral, &VARIABLES);
        let stage = runtime.block_on(async { Stage::set(&Site::open(&stack).await).await });
        let run = Run {
            name: caller.name(),
            address: stack.address(),
            document: stage.document.to_string(),
            users: caller.users(&stage, stack.admin()),
            dictionaries: &stage.dictionaries(),
        };
        let (report, said) = tool.run(&options, &run)?;
        println!("{:<28} {report}", caller.title());
        if !report.is_good() {
            println!("{said}\n{report:?}");
            good = false;
        }
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
