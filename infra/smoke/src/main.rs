//! `cargo smoke`: a purchase against any deployment, over HTTP as its clients make it. It creates a queue, a concert and
//! two fans, and removes what the API can remove, also after a failure or Ctrl-C.

mod answer;
mod cleanup;
mod greeting;
mod journey;
mod options;
mod report;
mod stage;

use std::{error::Error, process::ExitCode, time::Duration};

use client::{Client, Signals, password};
use options::Options;
use report::{Report, say};
use stage::Stage;
use tools::command_line;

/// How long a request is repeated that is refused for the moment: longer than the limits by the minute.
const PATIENCE: Duration = Duration::from_secs(75);

fn main() -> ExitCode {
    command_line::run("cargo smoke", options::HELP, options::parse, |options| {
        tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(run(options))
    })
}

/// Tests a deployment. Until the administrator is logged in nothing is created, and an error is one sentence.
async fn run(options: Options) -> Result<ExitCode, Box<dyn Error>> {
    let client = Client::new(options.url)?.with_patience(PATIENCE);
    let mut report = Report::new();
    say(format!("smoke test of {}", client.url()));
    greeting::check_deployment(&mut report, &client).await?;
    let password = password::read(&options.admin)?;
    let admin = greeting::log_in(&mut report, &client, &options.admin, &password).await?;

    let mut stage = Stage::new(client, admin);
    let mut signals = Signals::new()?;
    let complete = tokio::select! {
        outcome = journey::run(&mut report, &mut stage, options.expiry) => outcome.is_ok(),
        () = signals.received() => {
            say("interrupted: cleaning up; a second Ctrl-C ends this at once");
            false
        }
    };
    tokio::select! {
        () = cleanup::run(&mut report, &mut stage) => {}
        () = signals.received() => {
            say(format!("interrupted: not everything is cleaned up: look for the queue {} and its concert", stage.queue));
        }
    }
    stage.say_what_is_left();
    Ok(if report.end(complete) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
