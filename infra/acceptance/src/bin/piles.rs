//! `cargo piles`: prints what overload costs.

use std::{error::Error, process::ExitCode};
use tools::command_line;

/// What `--help` prints.
const HELP: &str = "\
Measures what overload costs, and prints one line for each case: dead places ahead of one living fan, concerts and queues
at rest, and accounts that waste places while others buy.

Usage: cargo piles

  --help  print this text
";

fn main() -> ExitCode {
    command_line::run("cargo piles", HELP, command_line::parse_no_options, |()| print_table())
}

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "the table is what this program is for")]
async fn print_table() -> Result<ExitCode, Box<dyn Error>> {
    acceptance::piles::measure(|line| println!("{line}")).await?;
    Ok(ExitCode::SUCCESS)
}
