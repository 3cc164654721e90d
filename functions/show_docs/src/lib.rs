//! `GET /docs`: a web page to read about the API and to try it.

use flate2::read::GzDecoder;
use lambda_http::{Body, Response};
use shared::{
    app::App,
    bootstrap,
    http::{Answer, Call, Problem, answer::with_header, layer::coding::Accepted},
};
use std::io::Read;

/// The compressed page; `build.rs` makes it and its policy.
const PAGE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/docs.html.gz"));
/// `Content-Security-Policy`: the page's own style and scripts, requests to its own origin, and nothing else.
const POLICY: &str = include_str!(concat!(env!("OUT_DIR"), "/policy.txt"));

/// Answers 200 with one page that loads nothing but `openapi.json`.
pub async fn handle(_app: &App, call: &Call) -> Answer {
    let response = if Accepted::of(call.header("accept-encoding")).prefers_gzip(PAGE.len()) {
        with_header(Response::new(Body::Binary(PAGE.to_vec())), "content-encoding", "gzip")
    } else {
        Response::new(Body::Text(plain()?))
    };
    Ok([
        ("content-type", "text/html; charset=utf-8"),
        ("content-security-policy", POLICY),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
    ]
    .into_iter()
    .fold(response, |response, (name, value)| with_header(response, name, value)))
}

/// The page without compression, for the few clients that cannot decompress. A second copy in the function would make
/// every start slower.
fn plain() -> Result<String, Problem> {
    let mut page = String::new();
    GzDecoder::new(PAGE).read_to_string(&mut page).map_err(|error| Problem::internal(error.to_string()))?;
    Ok(page)
}

/// Runs the function, as its own program and the one of all functions do.
///
/// # Errors
/// Where it cannot start.
pub fn run() -> Result<(), bootstrap::Error> {
    bootstrap::serve_with(bootstrap::Needs::Nothing, |app, call| Box::pin(handle(app, call)))
}
