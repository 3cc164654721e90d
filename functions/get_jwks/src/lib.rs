//! `GET /.well-known/jwks.json`: the public keys that verify tokens.

use shared::{
    app::App,
    bootstrap,
    domain::time::Seconds,
    http::{
        Answer, Call,
        documents::{Content, public},
    },
};

const MAX_AGE: Seconds = Seconds(300);

/// Answers 200 with the key set. A new key shows as soon as this function knows it, five minutes before it signs.
pub async fn handle(app: &App, _call: &Call) -> Answer {
    let newest = app.secrets.keyring().map(|keyring| keyring.keys()[0].id.clone()).unwrap_or_default();
    public(app, format!("jwks {newest}"), MAX_AGE, async { Ok(Content::of(&app.tokens.jwks()?)) }).await
}

/// Runs the function, as its own program and the one of all functions do.
///
/// # Errors
/// Where it cannot start.
pub fn run() -> Result<(), bootstrap::Error> {
    bootstrap::serve_with(bootstrap::Needs::Secret, |app, call| Box::pin(handle(app, call)))
}
