//! `GET /.well-known/jwks.json`: the public keys that verify tokens.

use lambda_http::http::StatusCode;
use shared::{
    app::App,
    http::{Answer, Call, answer::with_header, json},
};

/// Answers 200 with the key set.
pub async fn handle(app: &App, _call: &Call) -> Answer {
    Ok(with_header(json(StatusCode::OK, &app.tokens.jwks()), "cache-control", "public, max-age=300"))
}
