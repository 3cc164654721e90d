//! `cargo crowd`: a rehearsal. Sends simulated fans over HTTP to a deployment, prints progress, checks the invariants
//! that show from outside, and writes a report.

mod check;
mod life;
mod options;
mod record;
mod report;
mod setup;

use std::{error::Error, fs, io::IsTerminal, process::ExitCode, sync::Arc, time::Duration};

use client::{Client, Fan, Signals, password};
use futures_util::{StreamExt, stream};
use tokio::{
    task::JoinHandle,
    time::{self, Instant},
};
use tools::command_line;

use check::Verdict;
use life::Life;
use options::{Arrival, Options};
use record::{Record, Second, Served};
use setup::Stage;

/// How long a fan sends a request again that is refused for the moment, as the contract asks of clients.
const FAN_PATIENCE: Duration = Duration::from_secs(30);

fn main() -> ExitCode {
    command_line::run("cargo crowd", options::HELP, options::parse, |options| {
        tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run(options))
    })
}

async fn run(options: Options) -> Result<ExitCode, Box<dyn Error>> {
    let password = password::read(&options.admin)?;
    let mut stage = setup::set_up(&options, &password).await?;
    let mut signals = Signals::new()?;
    let outcome = tokio::select! {
        outcome = rehearse(&options, &mut stage) => outcome,
        () = signals.received() => Err("interrupted: no report".into()),
    };
    // Also after a failure: a concert of fans who do not exist must not stay on sale.
    stage.close().await?;
    let verdicts = outcome?;
    say("");
    for verdict in &verdicts {
        say(&match &verdict.seen {
            Ok(seen) => format!("holds     {}: {seen}", verdict.invariant),
            Err(seen) => format!("VIOLATED  {}: {seen}", verdict.invariant),
        });
    }
    say(&format!("the report is in {}", options.report.display()));
    let good = verdicts.iter().all(|verdict| verdict.seen.is_ok());
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Makes the accounts, lets the fans come, checks the invariants and writes the report.
async fn rehearse(options: &Options, stage: &mut Stage) -> Result<Vec<Verdict>, Box<dyn Error>> {
    stage.fill(options.fans).await?;
    let record = Arc::new(Record::new());
    let watchers = [tokio::spawn(watch(Arc::clone(&record))), watch_queue(stage, Arc::clone(&record))];
    come(options, stage, &record).await;
    watchers.iter().for_each(JoinHandle::abort);
    record.end_second();
    let collected = record.collected();
    let verdicts = check::check(stage, &collected).await;
    fs::write(&options.report, report::page(options, &collected, &verdicts))?;
    Ok(verdicts)
}

/// Lets the fans come, and waits until the last one is done.
async fn come(options: &Options, stage: &Stage, record: &Record) {
    let started = Instant::now();
    let client = stage.client.with_patience(FAN_PATIENCE);
    let fans = stage.fans.iter().enumerate().map(|(number, known)| {
        let fan = Fan::known(&client, known.name.clone(), &known.id, &known.access);
        Life { fan, number, concert: &stage.concert, give_up: options.give_up, record }
    });
    match options.arrival {
        Arrival::Closed(at_once) => {
            stream::iter(fans).for_each_concurrent(at_once, |life| life.live(Instant::now())).await;
        }
        Arrival::Open(rate) => {
            let mut comes = started;
            let lives = fans.map(|life| {
                // The gaps of a Poisson process.
                comes += Duration::from_secs_f64(-(1.0 - fastrand::f64()).ln() / rate);
                (life, comes)
            });
            let lives: Vec<_> = lives.collect();
            stream::iter(lives)
                .for_each_concurrent(None, |(life, comes)| async move {
                    time::sleep_until(comes).await;
                    life.live(comes).await;
                })
                .await;
        }
    }
}

/// Prints the progress once a second.
async fn watch(record: Arc<Record>) {
    let mut ticks = time::interval(Duration::from_secs(1));
    let terminal = std::io::stderr().is_terminal();
    loop {
        ticks.tick().await;
        let line = progress(&record.end_second());
        if terminal { eprint!("\r{line}") } else { eprintln!("{line}") }
    }
}

fn progress(second: &Second) -> String {
    let Second { moment, p50, p95, p99 } = second;
    format!(
        "came {:6}  waiting {:6}  inside {:5}  sold {:5}  done {:6}  p50 {p50:6.0} ms  p95 {p95:6.0} ms  p99 {p99:6.0} ms  \
         failed {}",
        moment.came, moment.waiting, moment.inside, moment.sold, moment.done, moment.failures
    )
}

/// Reads the queue's public document once a second, for the check of the order.
fn watch_queue(stage: &Stage, record: Arc<Record>) -> JoinHandle<()> {
    let (client, path): (Client, _) = (stage.client.clone(), format!("/api/v1/queues/{}", stage.concert.queue));
    tokio::spawn(async move {
        let mut ticks = time::interval(Duration::from_secs(1));
        loop {
            ticks.tick().await;
            let sent = record.seconds_at(std::time::Instant::now());
            if let Ok(reply) = client.get(path.clone()).try_send().await
                && let Some(place) = reply.body["served"].as_u64()
            {
                record.saw_served(Served { place, sent, answered: record.seconds_at(std::time::Instant::now()) });
            }
        }
    })
}

#[expect(clippy::print_stdout, reason = "the answer to the command")]
fn say(line: &str) {
    println!("{line}");
}
