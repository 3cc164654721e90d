//! The rules of environments. The tests call the pool as the processes would through the runtime API.

use std::{collections::BTreeMap, fs::File};

use super::*;
use invocation::Invocation;

const PATIENCE: Duration = Duration::from_secs(5);

fn pool(binary: &str, timeout: Duration) -> Arc<Pool> {
    let program = Program {
        name: "echo".to_owned(),
        binary: binary.into(),
        variables: BTreeMap::new(),
        timeout,
        log: File::options().write(true).open("/dev/null").expect("there is a /dev/null"),
    };
    Arc::new(Pool::new(program, Arc::default()))
}

/// A pool whose processes run until they are killed and never ask for work: the test asks in their place.
fn endless(timeout: Duration) -> Arc<Pool> {
    pool("/usr/bin/yes", timeout)
}

/// Asks for work, again and again until the environment exists.
async fn next(pool: &Arc<Pool>, environment: u64) -> Invocation {
    loop {
        if let Some(invocation) = pool.next(environment).await {
            return invocation;
        }
        time::sleep(Duration::from_millis(1)).await;
    }
}

fn invoke(pool: &Arc<Pool>, payload: &'static str) -> tokio::task::JoinHandle<Result<Bytes, InvokeError>> {
    let pool = Arc::clone(pool);
    tokio::spawn(async move { pool.invoke(payload.into(), PATIENCE).await })
}

#[tokio::test]
async fn an_invocation_starts_an_environment_and_gets_its_answer() {
    let pool = endless(PATIENCE);
    let call = invoke(&pool, "question");
    let invocation = next(&pool, 1).await;
    assert_eq!(invocation.payload, "question");
    assert!(!pool.answer(1, "another", Ok(Bytes::new())), "another invocation is not its own");
    assert!(pool.answer(1, &invocation.id, Ok("answer".into())));
    assert!(!pool.answer(1, &invocation.id, Ok("again".into())), "a second answer is refused");
    assert_eq!(call.await.expect("no panic"), Ok("answer".into()));
    pool.stop();
}

#[tokio::test]
async fn an_environment_works_on_one_invocation_at_a_time() {
    let pool = endless(PATIENCE);
    let first = invoke(&pool, "first");
    let work = next(&pool, 1).await;
    let second = invoke(&pool, "second");
    // The second invocation starts an environment of its own.
    let other = next(&pool, 2).await;
    assert_eq!((&work.payload[..], &other.payload[..]), (&b"first"[..], &b"second"[..]));
    assert!(pool.answer(2, &other.id, Err(InvokeError::Function("error".into()))));
    assert!(pool.answer(1, &work.id, Ok("done".into())));
    assert_eq!(second.await.expect("no panic"), Err(InvokeError::Function("error".into())));
    assert_eq!(first.await.expect("no panic"), Ok("done".into()));
    pool.stop();
}

#[tokio::test]
async fn a_timeout_kills_the_environment_and_the_next_invocation_starts_another() {
    let pool = endless(Duration::from_millis(50));
    let call = invoke(&pool, "slow");
    next(&pool, 1).await;
    assert_eq!(call.await.expect("no panic"), Err(InvokeError::TimedOut));
    while !pool.is_empty() {
        time::sleep(Duration::from_millis(1)).await;
    }
    let call = invoke(&pool, "quick");
    let work = next(&pool, 2).await;
    assert!(pool.answer(2, &work.id, Ok("answer".into())));
    assert_eq!(call.await.expect("no panic"), Ok("answer".into()));
    pool.stop();
}

#[tokio::test]
async fn the_death_of_a_process_fails_its_invocation_at_once() {
    let pool = pool("/bin/false", PATIENCE);
    let outcome = pool.invoke("lost".into(), PATIENCE).await;
    assert!(matches!(outcome, Err(InvokeError::Crashed(_))), "{outcome:?}");
    assert!(pool.warm().await.is_err());
}

#[tokio::test]
async fn an_invocation_whose_caller_gave_up_is_not_handed_out() {
    let pool = endless(PATIENCE);
    let outcome = pool.invoke("impatient".into(), Duration::from_millis(20)).await;
    assert_eq!(outcome, Err(InvokeError::TimedOut));
    let call = invoke(&pool, "patient");
    assert_eq!(next(&pool, 1).await.payload, "patient");
    pool.stop();
    assert!(matches!(call.await.expect("no panic"), Err(InvokeError::Crashed(_))));
}
