//! `$default`: every path and method that no other function answers.

use shared::{
    app::App,
    domain::refusal::Refusal,
    http::{Answer, Call},
};

/// Answers 404.
pub async fn handle(_app: &App, _call: &Call) -> Answer {
    Err(Refusal::RouteNotFound.into())
}
