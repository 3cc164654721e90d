//! `GET /.well-known/jwks.json`: the public keys that verify tokens.

use shared::{
    app::App,
    domain::time::Seconds,
    http::{
        Answer, Call,
        documents::{Content, public},
    },
};

const MAX_AGE: Seconds = Seconds(300);

/// Answers 200 with the key set.
pub async fn handle(app: &App, _call: &Call) -> Answer {
    public(app, "jwks".to_owned(), MAX_AGE, async { Ok(Content::of(&app.tokens.jwks())) }).await
}
