//! `cargo cpu`: prints the CPU time that each step of a purchase takes (infra/docs/ARCHITECTURE.md).
#![allow(clippy::print_stdout, reason = "the table is what this program is for")]

mod options;

use std::{error::Error, process::ExitCode};

use e2e::cpu::{self, Plan};
use tools::command_line;

fn main() -> ExitCode {
    command_line::run("cargo cpu", options::HELP, options::parse, print_table)
}

#[tokio::main(flavor = "current_thread")]
async fn print_table(plan: Plan) -> Result<ExitCode, Box<dyn Error>> {
    println!("{}", cpu::table(&cpu::measure(plan).await));
    Ok(ExitCode::SUCCESS)
}
