//! `cargo budget`: measures and prints the budget table of infra/docs/ARCHITECTURE.md; fails if a step exceeds its
//! budget.
#![allow(clippy::print_stdout, reason = "the table is what this program is for")]

use acceptance::budget;
use std::{error::Error, process::ExitCode};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let rows = budget::measure().await?;
    println!("{}", budget::table(&rows));
    Ok(if rows.iter().all(budget::Row::is_kept) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
