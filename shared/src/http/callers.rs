//! The caller of routes that accept a queue token as proof of who the fan is.

use super::{Call, Problem, tokens::Caller};
use crate::{
    app::App,
    domain::{claims::Standing, id::UserId, time::Seconds},
};

/// How long after the login a queue token proves who the fan is.
const PROOF_LIFE: Seconds = Seconds(12 * 3_600);

/// The fan that a request names, in its body or by `?userId=`; `None` where it names none.
///
/// # Errors
/// 400 where body and query differ, since one of them is a mistake.
pub fn named_fan(call: &Call, in_body: Option<UserId>) -> Result<Option<UserId>, Problem> {
    let in_query = call.query("userId")?;
    match (in_body, in_query) {
        (Some(body), Some(query)) if body != query => Err(Problem::invalid("userId", "is not the userId of the body")),
        _ => Ok(in_body.or(in_query)),
    }
}

/// The caller, by an access token or a queue token. A queue token proves who the fan is for 12 hours after the login,
/// and longer while its session is live.
///
/// # Errors
/// 401 `token_expired` after that, and 401 for a token that is missing or not valid.
pub async fn caller(app: &App, call: &Call) -> Result<Caller, Problem> {
    let now = app.now();
    let caller = app.tokens.caller(call, now)?;
    let old = caller
        .standing
        .as_ref()
        .map(Standing::claims)
        .filter(|claims| claims.proof.authenticated_at + PROOF_LIFE <= now);
    if let Some(claims) = old {
        let session = app.store.session(&claims.queue_id, claims.place()).await?;
        if !session.is_some_and(|session| session.alive(now)) {
            return Err(Problem::token_expired());
        }
    }
    Ok(caller)
}
