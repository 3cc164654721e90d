//! `cargo local`: the whole system on this machine, from `template.yaml`, without an AWS account.
//!
//! It stands in for what AWS does around the functions: API Gateway ([`gateway`]), Lambda's control plane and runtime
//! API ([`control`]), event source mappings and schedules ([`event_sources`]), DynamoDB ([`tables`], an embedded
//! engine) and SQS ([`queues`], an emulator). The template alone lists functions, routes, triggers, tables and message
//! queues.

mod aws;
mod child;
mod compile;
mod control;
mod environment;
mod event_sources;
mod failure;
mod gateway;
mod options;
mod python_env;
mod queues;
mod seed;
mod stack;
mod state;
mod tables;

use std::{process::ExitCode, time::Duration};

use options::Command;

/// How long work in the background may delay the exit.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let options = match options::parse(std::env::args_os().skip(1)) {
        Ok(Command::Run(options)) => options,
        Ok(Command::Help) => {
            print_usage();
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprint!("error: {error}\n\n{}", options::USAGE);
            return ExitCode::from(2);
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    let outcome = runtime.block_on(stack::run(&options));
    // Drops every task, which kills the processes that it holds. The timeout is for a blocking read of a stream.
    runtime.shutdown_timeout(SHUTDOWN_TIMEOUT);
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "prints the help that was asked for")]
fn print_usage() {
    print!("{}", options::USAGE);
}
