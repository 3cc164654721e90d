//! Functions as Lambda runs them: each instance has its own memory and clock, serves one invocation at a time, and may
//! die at any moment.

use crate::{
    clock::{AHEAD_MS, InstanceClock, InstanceEntropy},
    dice::Dice,
    fault::Fault,
    instances::Instance,
    network::Connector,
    world::World,
};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_runtime::client::retries::{RetryPartition, TokenBucket};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use futures_util::FutureExt;
use shared::{app::App, bootstrap::client_rules, context::Context, secrets::Secrets};
use std::{
    error::Error,
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

/// The SDK's default retry quota, in tokens.
const RETRY_QUOTA: usize = 500;
/// A killed invocation dies within this many milliseconds.
const DEATH_WITHIN_MS: u64 = 300;

/// Why an invocation ended without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Died(pub &'static str);

/// Starts an instance of a function, with clock skew if that fault is injected.
///
/// # Errors
/// If the configuration makes no app.
pub fn start(world: &Arc<World>, function: &str) -> Result<Instance, Box<dyn Error + Send + Sync>> {
    let number = world.pools.number();
    let name: Arc<str> = format!("{function}/{number}").into();
    let skew_ms = if world.should_inject(Fault::ClockSkewed) {
        world.extent(Fault::ClockSkewed, 0..=2 * AHEAD_MS).cast_signed() - AHEAD_MS.cast_signed()
    } else {
        0
    };
    let clock = Arc::new(InstanceClock { base: world.clock.clone(), skew_ms, lag_ms: AtomicI64::new(0) });
    let dice = Dice::of(world.plan.seed, "instance", number);
    let (timeouts, retries) = client_rules();
    let credentials = Credentials::new("simulated", "simulated", None, None, "simulation");
    let sdk = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::from_static("simulated"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(SharedHttpClient::new(Connector::new(world, &name)))
        .sleep_impl(TokioSleep::new())
        .time_source(world.clock.clone())
        .timeout_config(timeouts)
        .retry_config(retries)
        .build();
    // A retry quota for each instance, as each process has: the SDK would share one among all clients in this process,
    // and one instance could use up the retries of another.
    let quota = || RetryPartition::custom(name.to_string()).token_bucket(TokenBucket::new(RETRY_QUOTA)).build();
    let dynamo = aws_sdk_dynamodb::config::Builder::from(&sdk).retry_partition(quota()).build();
    let sqs = aws_sdk_sqs::config::Builder::from(&sdk).retry_partition(quota()).build();
    let context = Context::new(clock.clone(), Arc::new(InstanceEntropy(Mutex::new(dice))));
    let (dynamo, sqs) = (aws_sdk_dynamodb::Client::from_conf(dynamo), aws_sdk_sqs::Client::from_conf(sqs));
    let secrets = Secrets::fixed("the simulator signs with this secret", context.clone())?;
    Ok(Instance { app: App::new(world.config.clone(), dynamo, sqs, secrets, context), clock, name })
}

/// Takes an idle instance, or starts one. `None` if it does not start, which is a violation.
fn take(world: &Arc<World>, function: &str) -> Option<Arc<Instance>> {
    let cold = world.should_inject(Fault::Cold);
    let warm = world.pools.take(function, |idle| {
        let index = world.draw(0..=idle.saturating_sub(1) as u64) as usize;
        (!cold && idle > 0).then_some(index)
    });
    let Some(instance) = warm else {
        return start(world, function)
            .map(Arc::new)
            .inspect_err(|error| world.violated(format!("{function}: {error}")))
            .ok();
    };
    let lag_ms = if world.should_inject(Fault::ClockOld) {
        // Mostly a short lag, so that a write with an old clock is still in effect when others read it.
        let longest = if world.extent(Fault::ClockOld, 0..=1) == 0 { 10_000 } else { 60_000 };
        let most = world.extent(Fault::ClockOld, 1_000..=longest);
        world.extent(Fault::ClockOld, 100..=most)
    } else {
        0
    };
    instance.clock.lag_ms.store(i64::try_from(lag_ms).unwrap_or_default(), Ordering::SeqCst);
    Some(instance)
}

/// Runs one invocation of a function. Its instance is idle again afterwards.
///
/// # Errors
/// If no instance starts, or the invocation is killed, panics or exceeds the function's timeout. The instance is lost.
pub async fn invoke<T, F>(world: &Arc<World>, function: &str, work: impl FnOnce(Arc<Instance>) -> F) -> Result<T, Died>
where
    F: Future<Output = T>,
{
    let Some(instance) = take(world, function) else { return Err(Died("does not start")) };
    world.trace(format_args!("{} begins", instance.name));
    let most = world.template.function(function).map_or(8, |function| function.timeout_seconds);
    let most = Duration::from_secs(u64::from(most));
    let killed = world.should_inject(Fault::Killed);
    let lives =
        if killed { Duration::from_millis(world.extent(Fault::Killed, 0..=DEATH_WITHIN_MS)).min(most) } else { most };
    let work = AssertUnwindSafe(work(Arc::clone(&instance))).catch_unwind();
    let done = tokio::select! {
        biased;
        done = work => done,
        () = tokio::time::sleep(lives) => {
            let why = if killed { "was killed" } else { "took too long" };
            world.story(format_args!("{} {why}", instance.name));
            return Err(Died(why));
        }
    };
    match done {
        Ok(answer) => {
            world.trace(format_args!("{} ends", instance.name));
            world.pools.put(function, instance);
            Ok(answer)
        }
        Err(_) => {
            world.violated(format!("a function panicked: {}", instance.name));
            Err(Died("panicked"))
        }
    }
}
