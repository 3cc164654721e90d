//! The handler of each function. Each runs as its function, so that the engine judges its requests by its policy.

use aws_lambda_events::event::{
    sqs::{SqsBatchResponse, SqsEvent},
    streams::DynamoDbEventResponse,
};
use lambda_http::{Body, Response};
use lambda_runtime::Error;
use shared::{
    app::App,
    bootstrap,
    domain::id::QueueId,
    http::answer::{Handler, answer},
    store::{Failure, alarms::AlarmId, tick::Ticked},
};

macro_rules! functions {
    ($($name:ident),* $(,)?) => {
        /// The names of the functions with a route, in alphabetical order. `build.rs` takes the list from the template.
        pub const NAMES: &[&str] = &[$(stringify!($name)),*];

        /// Answers a request with the handler of the function `name`; `None` if no function with a route has this name.
        pub async fn call(app: &App, name: &str, request: lambda_http::Request) -> Option<Response<Body>> {
            let handler = match name {
                $(stringify!($name) => boxed(|app, call| Box::pin($name::handle(app, call))),)*
                _ => return None,
            };
            // Boxed, so that the futures of callers stay small.
            Some(engine::run_as(name, Box::pin(answer(app, &*handler, request))).await)
        }
    };
}

fn boxed(handler: impl Handler + Send + 'static) -> Box<dyn Handler + Send> {
    Box::new(handler)
}

include!(concat!(env!("OUT_DIR"), "/functions.rs"));

macro_rules! triggered {
    ($($name:ident($event:ty) -> $answer:ty),* $(,)?) => {
        $(
            /// Hands an event to this function.
            ///
            /// # Errors
            /// As its handler.
            pub async fn $name(app: &App, event: $event) -> Result<$answer, Error> {
                let work = Box::pin($name::handle(app, event));
                engine::run_as(stringify!($name), bootstrap::batch(app, "a-batch", None, work)).await
            }
        )*
    };
}

triggered!(
    deliver_webhooks(deliver_webhooks::Trigger) -> SqsBatchResponse,
    expire_holds(SqsEvent) -> SqsBatchResponse,
    promote_tokens(promote_tokens::Trigger) -> SqsBatchResponse,
    reconcile(reconcile::Scheduled) -> reconcile::Reconciled,
    seal_intervals(SqsEvent) -> SqsBatchResponse,
    stream_changes(stream_changes::Batch) -> DynamoDbEventResponse,
    sweep_holds(sweep_holds::Scheduled) -> sweep_holds::Swept,
);

/// Ticks a queue as `promote_tokens` does for a message, without sending the messages for the ticks that follow.
///
/// # Errors
/// As [`shared::store::Store::tick`].
pub async fn tick(app: &App, queue: &QueueId, alarms: &[AlarmId]) -> Result<Ticked, Failure> {
    engine::run_as("promote_tokens", app.store.tick(queue, alarms)).await
}
