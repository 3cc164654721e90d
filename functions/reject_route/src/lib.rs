//! `$default`: every path and method that no other function answers.

use shared::{
    app::App,
    bootstrap,
    http::{
        Answer, Call,
        routes::{Route, reject},
    },
};

/// The routes of the other functions in template.yaml, from `build.rs`.
const ROUTES: &[Route] = include!(concat!(env!("OUT_DIR"), "/routes.rs"));

/// Answers 404 for an unknown path, 405 for a method that the path does not have, and 204 for OPTIONS.
pub async fn handle(_app: &App, call: &Call) -> Answer {
    reject(call, ROUTES)
}

/// Runs the function, as its own program and the one of all functions do.
///
/// # Errors
/// Where it cannot start.
pub fn run() -> Result<(), bootstrap::Error> {
    bootstrap::serve_with(bootstrap::Needs::Nothing, |app, call| Box::pin(handle(app, call)))
}
