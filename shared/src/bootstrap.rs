//! Turns a handler into a Lambda function: parameters read once, clients with explicit timeouts, connections warmed
//! before the first request, and one single-threaded runtime.

use crate::{
    app::App,
    config::Config,
    context::Context,
    deadline::time_left,
    http::{
        answer::{Handler, answer},
        event::sanitize,
    },
    secrets::Secrets,
    telemetry::{self, line::Lines, meter::metered},
};
use aws_config::{
    BehaviorVersion, SdkConfig, retry::RetryConfig, stalled_stream_protection::StalledStreamProtectionConfig,
    timeout::TimeoutConfig,
};
use futures_util::{future::BoxFuture, join};
use lambda_http::{Adapter, request::LambdaRequest};
pub use lambda_runtime::Error;
use lambda_runtime::{Context as Invocation, LambdaEvent, Service, service_fn};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    convert::Infallible,
    env,
    time::{Duration, Instant},
};

/// The longest that one attempt of a request may take, its connection included.
const ATTEMPT: Duration = Duration::from_millis(1_000);
/// The longest that a request may take with its retries. Two in sequence fit into a function's limit of 8 s.
const OPERATION: Duration = Duration::from_millis(3_000);
const ATTEMPTS: u32 = 4;

/// What a function needs before its first request. Its policy allows no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Tables, and the signing secret.
    Everything,
    /// Tables, and no tokens.
    Tables,
    /// The signing secret, and no tables.
    Secret,
    /// Neither.
    Nothing,
}

/// Runs the handler of a route, which needs tables and tokens, as a Lambda function.
pub fn serve(handler: impl Handler + 'static) -> Result<(), Error> {
    serve_route(Needs::Everything, Box::new(handler))
}

/// Runs the handler of a route as a Lambda function.
pub fn serve_with(needs: Needs, handler: impl Handler + 'static) -> Result<(), Error> {
    serve_route(needs, Box::new(handler))
}

/// Not generic, so that the Lambda runtime is compiled once, in this crate, and not in each function.
fn serve_route(needs: Needs, handler: Box<dyn Handler>) -> Result<(), Error> {
    run(async {
        let app = app(needs).await?;
        let (app, handler) = (&app, &*handler);
        let route =
            lambda_http::service_fn(
                move |request| async move { Ok::<_, Infallible>(answer(app, handler, request).await) },
            );
        lambda_runtime::run(service_fn(move |event: LambdaEvent<LambdaRequest>| {
            Adapter::from(route).call(LambdaEvent::new(sanitize(event.payload), event.context))
        }))
        .await
    })
}

/// Runs the handler of a schedule, message queue or stream as a Lambda function. After an error the event is delivered
/// again.
pub fn consume<E, R, H>(handler: H) -> Result<(), Error>
where
    E: DeserializeOwned,
    R: Serialize,
    H: for<'a> Fn(&'a App, E) -> BoxFuture<'a, Result<R, Error>>,
{
    consume_with(Needs::Tables, handler)
}

/// As [`consume`], for a function that needs more or less than the tables.
pub fn consume_with<E, R, H>(needs: Needs, handler: H) -> Result<(), Error>
where
    E: DeserializeOwned,
    R: Serialize,
    H: for<'a> Fn(&'a App, E) -> BoxFuture<'a, Result<R, Error>>,
{
    run(async {
        let app = app(needs).await?;
        let (app, handler) = (&app, &handler);
        lambda_runtime::run(service_fn(move |event: LambdaEvent<E>| async move {
            let Invocation { request_id, deadline, xray_trace_id, .. } = event.context;
            let left = time_left(Some(deadline), app.now());
            let work = tokio::time::timeout(left, handler(app, event.payload));
            let handled = batch(app, &request_id, xray_trace_id.as_deref(), work).await;
            handled.unwrap_or_else(|_| Err("the function's time is over".into())).inspect_err(|error| {
                tracing::error!(request_id, error = telemetry::chain(&**error), "event failed");
            })
        }))
        .await
    })
}

/// Does the work of a batch or of a scheduled run, and writes its line.
pub async fn batch<T>(app: &App, request_id: &str, trace_id: Option<&str>, work: impl Future<Output = T>) -> T {
    let began = Instant::now();
    let (done, meter) = metered(work).await;
    app.lines.batch(request_id, trace_id, began.elapsed(), &meter, app.now());
    done
}

fn run(function: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
    telemetry::init();
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(function)
}

async fn app(needs: Needs) -> Result<App, Error> {
    let (config, context) = (Config::from_env()?, Context::system());
    let sdk = sdk_config().await;
    let (dynamo, sqs) = (aws_sdk_dynamodb::Client::new(&sdk), aws_sdk_sqs::Client::new(&sdk));
    let secrets = match needs {
        Needs::Everything | Needs::Secret => {
            Secrets::new(aws_sdk_secretsmanager::Client::new(&sdk), &config.signing_secret, context.clone())
        }
        Needs::Tables | Needs::Nothing => Secrets::none(context.clone()),
    };
    // The template's `Handler` is the name of the function's crate.
    let lines = Lines::stdout(env::var("_HANDLER").unwrap_or_default(), config.metrics_namespace.clone());
    let app = App { lines, ..App::new(config, dynamo, sqs, secrets, context) };
    let warm_up = async {
        if matches!(needs, Needs::Everything | Needs::Tables) {
            app.store.warm_up().await;
        }
    };
    join!(warm_up, app.secrets.refresh(None));
    Ok(app)
}

/// Loads the SDK's configuration from the environment, with the timeouts and retries of [`client_rules`].
pub async fn sdk_config() -> SdkConfig {
    let (timeouts, retries) = client_rules();
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .timeout_config(timeouts)
        .retry_config(retries)
        // It watches the throughput of each body. Answers here are small, and an attempt has a limit of its own.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .load()
        .await
}

/// The timeouts and retries of the SDK's clients. Timeouts are explicit, since by default the SDK waits for an answer
/// without a limit. Retries are few and have jitter.
pub fn client_rules() -> (TimeoutConfig, RetryConfig) {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(ATTEMPT)
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(OPERATION)
        .build();
    let retries = RetryConfig::standard().with_max_attempts(ATTEMPTS).with_initial_backoff(Duration::from_millis(50));
    (timeouts, retries)
}
