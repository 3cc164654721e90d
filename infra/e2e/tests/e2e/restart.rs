//! The stack itself: how it stops, and what it keeps.

use std::{
    net::TcpStream,
    time::{Duration, Instant},
};

use e2e::{Data, Fan, Site, Stack, report_measurement};
use template::Template;
use tools::workspace;

use crate::{DATES_AGE, alone};

/// How long a second start may take.
const SECOND_START: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_second_start_keeps_the_data_and_the_first_leaves_no_process() {
    let _machine = alone().await;
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let data = directory.path().join("data");
    let first = Stack::start(Data::Directory(&data), &[]);
    let site = Site::open(&first).await;
    let concert = site.concert("main", 4).await;
    let mut fan = site.fan().await;
    fan.recharge(3 * concert.price, None).send().await.expect(200);
    fan.join("main").await.expect(201);
    let (paid, held) = (fan.hold_seats(&concert, &[1]).await, fan.hold_seats(&concert, &[2]).await);
    fan.pay(&paid, concert.price, None).send().await.expect(200);
    let (name, id, access, token) = (fan.name.clone(), fan.id.clone(), fan.access.clone(), fan.token.clone());
    let admin = (first.admin().0.to_owned(), first.admin().1.to_owned());

    stop_without_a_trace(first);

    let second = Stack::start(Data::Directory(&data), &[]);
    let ready = second.ready_after();
    report_measurement(format!("a second start with data was ready after {:.2} s", ready.as_secs_f64()));
    assert_eq!(second.admin(), (admin.0.as_str(), admin.1.as_str()));
    // Tokens, session, hold and money outlive the restart.
    let client = second.client();
    let mut fan = Fan::known(&client, name, &id, &access);
    fan.token = token;
    let ledger = fan.ledger().await;
    ledger.assert_adds_up();
    assert_eq!((ledger.entries.len(), ledger.balance), (2, 100_000));
    assert_eq!(fan.reservation(&paid).send().await.expect(200).text("status"), "CONFIRMED");
    assert_eq!(fan.poll().await.expect(200).text("status"), "ACTIVE");
    fan.pay(&held, concert.price, None).send().await.expect(200);
    // The streams continue at their stored positions.
    let paid = Instant::now();
    while client.get(format!("/api/v1/concerts/{}/availability", concert.id)).send().await.expect(200).body["free"] != 2
    {
        assert!(paid.elapsed() < DATES_AGE, "the list still does not count two of four seats as sold");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(ready < SECOND_START, "{ready:?}");
}

/// Asserts that SIGTERM stops a stack with every process that it started.
fn stop_without_a_trace(stack: Stack) {
    let (local, children) = (stack.process(), stack.descendants());
    let template = Template::load(&template::path_in(workspace::root())).expect("it is valid");
    for function in &template.functions {
        assert!(children.iter().any(|child| child.name == function.name), "{} has no process", function.name);
    }
    let port = stack.port();
    let asked = Instant::now();
    local.terminate();
    while local.is_running() {
        assert!(asked.elapsed() < Duration::from_secs(5), "the stack does not stop");
        std::thread::sleep(Duration::from_millis(5));
    }
    let took = asked.elapsed();
    let left: Vec<_> = children.iter().filter(|child| child.is_running()).collect();
    assert!(left.is_empty(), "still running: {left:?}");
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "the port is still open");
    report_measurement(format!(
        "SIGTERM ended a stack of {} processes in {:.2} s",
        children.len() + 1,
        took.as_secs_f64()
    ));
    stack.stop();
}
