//! `cargo budget`: measures and prints the budget tables of infra/docs/ARCHITECTURE.md; fails if a budget is exceeded.
#![allow(clippy::print_stdout, reason = "the tables are what this program is for")]

mod options;

use acceptance::budget::{self, Prices, totals};
use std::{error::Error, process::ExitCode};
use tools::command_line;

fn main() -> ExitCode {
    command_line::run("cargo budget", options::HELP, options::parse, |prices| print_tables(&prices))
}

#[tokio::main(flavor = "current_thread")]
async fn print_tables(prices: &Prices) -> Result<ExitCode, Box<dyn Error>> {
    let (rows, totals) = (budget::measure().await?, totals::measure().await?);
    println!("{}\n\n{}", budget::table(&rows), totals::table(&totals, prices));
    let kept = rows.iter().all(budget::Row::is_kept) && totals.iter().all(totals::Total::is_kept);
    Ok(if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
