//! `cargo local`: the whole system on this machine, from `template.yaml`, without an AWS account.
//!
//! It stands in for what AWS does around the functions: API Gateway ([`gateway`]), Lambda's control plane and runtime
//! API ([`control`]), event source mappings and schedules ([`event_sources`]), DynamoDB ([`tables`], an embedded
//! engine), SQS and Secrets Manager ([`queues`] and [`secrets`], an emulator). The template alone lists functions, routes, triggers, tables and message
//! queues.

mod aws;
mod child;
mod compile;
mod control;
mod environment;
mod event_sources;
mod failure;
mod gateway;
mod logs;
mod options;
mod queues;
mod secrets;
mod seed;
mod stack;
mod state;
mod tables;

use std::{error::Error, process::ExitCode, time::Duration};

use options::Options;
use tools::command_line;

/// How long work in the background may delay the exit.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    command_line::run("cargo local", options::HELP, options::parse, run)
}

fn run(options: Options) -> Result<ExitCode, Box<dyn Error>> {
    if let Some(request) = &options.logs_of {
        return Ok(logs::print(&options.data.directory(options.port), request)?);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(stack::run(&options));
    // Drops every task, which kills the processes that it holds. The timeout is for a blocking read of a stream.
    runtime.shutdown_timeout(SHUTDOWN_TIMEOUT);
    outcome?;
    Ok(ExitCode::SUCCESS)
}
