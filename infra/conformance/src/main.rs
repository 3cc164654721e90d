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
use options::{Command, Options};
use stage::Stage;
use tool::{Run, Tool};

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
    let options = match options::parse(std::env::args_os().skip(1)) {
        Ok(Command::Run(options)) => options,
        Ok(Command::Help) => {
            print!("{}", options::USAGE);
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprint!("error: {error}\n\n{}", options::USAGE);
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the tool as each caller, one after the other. Returns whether no run found anything.
fn run(options: &Options) -> Result<bool, Box<dyn Error>> {
    let callers: Vec<_> = Caller::ALL
        .into_iter()
        .filter(|caller| options.only.as_deref().is_none_or(|name| name == caller.name()))
        .collect();
    if callers.is_empty() {
        return Err("there is no such caller".into());
    }
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
        let (report, said) = tool.run(options, &run)?;
        println!("{:<28} {report}", caller.title());
        if !report.is_good() {
            println!("{said}\n{report:?}");
            good = false;
        }
    }
    Ok(good)
}
