//! `cargo budget`: measures and prints the budget table of infra/docs/ARCHITECTURE.md; fails if a step exceeds its
//! budget.
#![allow(clippy::print_stdout, reason = "the table is what this program is for")]

use acceptance::budget;
use std::{error::Error, process::ExitCode};
use tools::command_line;

/// What `--help` prints.
const HELP: &str = "\
Measures what each step of a purchase costs in write units, read units and round trips, and prints it beside its budget.
Fails if a step exceeds its budget.

Usage: cargo budget

  --help  print this text
";

fn main() -> ExitCode {
    command_line::run("cargo budget", HELP, command_line::parse_no_options, |()| print_table())
}

#[tokio::main(flavor = "current_thread")]
async fn print_table() -> Result<ExitCode, Box<dyn Error>> {
    let rows = budget::measure().await?;
    println!("{}", budget::table(&rows));
    Ok(if rows.iter().all(budget::Row::is_kept) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
