//! Access and queue tokens: JWTs signed with Ed25519.

use super::{Call, Problem};
use crate::{
    context::Context,
    domain::{
        account::Role,
        claims::{Proof, QueueClaims, Standing},
        id::{QueueId, TicketId, UserId},
        polling::UNKNOWN_SECONDS,
        refusal::Refusal,
        ticket::{QueueClock, Spot, Wait},
        time::{Seconds, Timestamp},
    },
    secrets::{Key, Keyring, Secrets},
};
use jsonwebtoken::{Algorithm, Header, Validation, errors::ErrorKind};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;
use uuid::Uuid;

const ISSUER: &str = "stagedoor";
const AUDIENCE: &str = "stagedoor";
/// How long an access token lasts.
pub const ACCESS_LIFE: Seconds = Seconds(3_600);

/// Signs and verifies tokens, with the keys of the signing secret.
pub struct Tokens {
    secrets: Arc<Secrets>,
    /// What a token must say. Built once: each request verifies one.
    validation: Validation,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: UserId,
    jti: Uuid,
    iat: i64,
    exp: i64,
    /// When the fan logged in, in seconds since the Unix epoch.
    auth: i64,
    /// The version of the account at the login.
    ver: u64,
    #[serde(flatten)]
    kind: Kind,
}

/// The kind of a token, with the claims that only this kind has.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Kind {
    Access {
        role: Role,
    },
    Queue {
        queue: QueueId,
        #[serde(flatten)]
        spot: Spot,
        #[serde(rename = "waitingSeconds")]
        waiting: Seconds,
        #[serde(rename = "waitClock")]
        wait_clock: QueueClock,
        /// The end of the session without the time that holds add, if the token was signed after the claim. With it, a
        /// poll never shows WAITING from a stale queue state, and a hold need not read the session.
        #[serde(default, rename = "activeUntil", skip_serializing_if = "Option::is_none")]
        active_until: Option<Timestamp>,
    },
}

/// Who sent a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The fan.
    pub user_id: UserId,
    /// More than fan only with an access token that says so.
    pub role: Role,
    /// The login that the token goes back to.
    pub proof: Proof,
    /// When the token expires.
    pub expires_at: Timestamp,
    /// What a queue token proves; `None` with an access token.
    pub standing: Option<Standing>,
}

impl Tokens {
    /// Tokens under the keys of the signing secret.
    pub fn new(secrets: Arc<Secrets>) -> Self {
        Tokens { secrets, validation: validation() }
    }

    /// The keys, or 503 where the signing secret could never be read.
    fn keyring(&self) -> Result<Arc<Keyring>, Problem> {
        self.secrets.keyring().ok_or_else(|| Problem::no_secret(self.secrets.missing()))
    }

    /// The public keys, as a JSON Web Key Set.
    pub fn jwks(&self) -> Result<Value, Problem> {
        Ok(json!({ "keys": self.keyring()?.keys().iter().map(Key::jwk).collect::<Vec<_>>() }))
    }

    /// Signs an access token for a fan who has just logged in, with the role and version of the account.
    pub fn sign_access(&self, user: UserId, role: Role, ver: u64, context: &Context) -> Result<String, Problem> {
        let now = context.now();
        let proof = Proof { authenticated_at: now, account_version: ver };
        self.sign(user, context.ticket_id().0, (now, now + ACCESS_LIFE), proof, Kind::Access { role })
    }

    /// Signs a token for a place in a queue, valid until `end`.
    pub fn sign_queue(
        &self,
        standing: &Standing,
        end: Timestamp,
        active_until: Option<Timestamp>,
    ) -> Result<String, Problem> {
        let QueueClaims { ticket_id: TicketId(jti), user_id, queue_id, wait, proof, .. } = standing.claims();
        let kind = Kind::Queue {
            queue: queue_id.clone(),
            spot: standing.spot(),
            waiting: wait.waiting,
            wait_clock: wait.clock_at_issue,
            active_until,
        };
        self.sign(*user_id, *jti, (wait.issued_at, end), *proof, kind)
    }

    fn sign(
        &self,
        sub: UserId,
        jti: Uuid,
        (issued, end): (Timestamp, Timestamp),
        proof: Proof,
        kind: Kind,
    ) -> Result<String, Problem> {
        let keyring = self.keyring()?;
        let key = keyring.signer(self.secrets.now());
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(key.id.clone());
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub,
            jti,
            iat: issued.seconds(),
            exp: end.seconds(),
            auth: proof.authenticated_at.seconds(),
            ver: proof.account_version,
            kind,
        };
        jsonwebtoken::encode(&header, &claims, &key.signing).map_err(|e| Problem::internal(format!("sign: {e}")))
    }

    /// Verifies a token at `now` and returns its claims.
    fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, Problem> {
        let invalid = || Problem::unauthenticated("the token is not valid");
        let header = jsonwebtoken::decode_header(token).map_err(|_| invalid())?;
        let keyring = self.keyring()?;
        let key = header.kid.and_then(|kid| keyring.by_id(&kid)).ok_or_else(invalid)?;
        let claims = match jsonwebtoken::decode::<Claims>(token, &key.verifying, &self.validation) {
            Ok(data) => data.claims,
            Err(error) if matches!(error.kind(), ErrorKind::Provider(_)) => {
                return Err(Problem::internal(format!("verify: {error}")));
            }
            Err(_) => return Err(invalid()),
        };
        if claims.exp <= now.seconds() { Err(Problem::token_expired()) } else { Ok(claims) }
    }

    /// The caller, by an access token or a queue token.
    pub fn caller(&self, call: &Call, now: Timestamp) -> Result<Caller, Problem> {
        let claims = self.verify(bearer(call)?, now)?;
        let (user_id, expires_at) = (claims.sub, Timestamp::from_seconds(claims.exp));
        let proof = Proof { authenticated_at: Timestamp::from_seconds(claims.auth), account_version: claims.ver };
        let (role, standing) = match claims.kind {
            Kind::Access { role } => (role, None),
            Kind::Queue { queue: queue_id, spot, waiting, wait_clock, active_until } => {
                let issued_at = Timestamp::from_seconds(claims.iat);
                let ticket_id = TicketId(claims.jti);
                let claims = |place| {
                    let wait = Wait { place, issued_at, waiting, clock_at_issue: wait_clock };
                    QueueClaims { ticket_id, user_id, queue_id, wait, proof, active_until }
                };
                (Role::Fan, Some(Standing::new(spot, claims)))
            }
        };
        Ok(Caller { user_id, role, proof, expires_at, standing })
    }

    /// The caller, by an access token only: a queue token is 401.
    pub fn access_caller(&self, call: &Call, now: Timestamp) -> Result<Caller, Problem> {
        let caller = self.caller(call, now)?;
        if caller.standing.is_some() {
            return Err(Problem::unauthenticated("this route takes an access token"));
        }
        Ok(caller)
    }

    /// The place, by a queue token only: an access token is 403 `not_active`, and so is a token whose place is not known.
    pub fn queue_claims(&self, call: &Call, now: Timestamp) -> Result<QueueClaims, Problem> {
        match self.caller(call, now)?.standing {
            Some(Standing::Place(claims)) => Ok(claims),
            Some(Standing::Ticket(_)) => Err(Refusal::NotActive { retry_after: UNKNOWN_SECONDS }.into()),
            None => Err(Refusal::NoQueueToken.into()),
        }
    }

    /// The caller, by an access token with the role admin; any other is 403 `forbidden`.
    pub fn admin(&self, call: &Call, now: Timestamp) -> Result<Caller, Problem> {
        let caller = self.caller(call, now)?;
        if caller.role == Role::Admin { Ok(caller) } else { Err(Refusal::AdminsOnly.into()) }
    }

    /// The caller, by an access token with the role operator or admin; any other is 403 `forbidden`.
    pub fn operator(&self, call: &Call, now: Timestamp) -> Result<Caller, Problem> {
        let caller = self.caller(call, now)?;
        if caller.role.operates() { Ok(caller) } else { Err(Refusal::OperatorsOnly.into()) }
    }
}

impl Caller {
    /// Refuses to act for another fan, unless the caller is an admin.
    pub fn must_be(&self, user: UserId) -> Result<(), Problem> {
        if self.user_id == user || self.role == Role::Admin { Ok(()) } else { Err(Refusal::Forbidden.into()) }
    }

    /// The fan that a request is about: the caller, or the fan whom an admin names with `?userId=`.
    pub fn acting_for(&self, call: &Call) -> Result<UserId, Problem> {
        let user = call.query("userId")?.unwrap_or(self.user_id);
        self.must_be(user)?;
        Ok(user)
    }

    /// The fan that a request with a fan in its path is about: the fan of `?userId=`, or else of the path. Unless the
    /// caller is an admin, both must be the caller.
    pub fn acting_for_path(&self, call: &Call) -> Result<UserId, Problem> {
        let in_path = call.path("userId")?;
        let user = call.query("userId")?.unwrap_or(in_path);
        self.must_be(in_path)?;
        self.must_be(user)?;
        Ok(user)
    }
}

fn validation() -> Validation {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[AUDIENCE]);
    validation.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
    // Expiry is checked against the context's clock.
    validation.validate_exp = false;
    validation
}

/// The `kid` of a request's token, which nothing has verified yet.
pub fn kid(call: &Call) -> Option<String> {
    jsonwebtoken::decode_header(bearer(call).ok()?).ok()?.kid
}

/// The token of a request, from its `Authorization` header with the scheme Bearer.
pub fn bearer(call: &Call) -> Result<&str, Problem> {
    let header = call.header("authorization").ok_or_else(Problem::no_token)?;
    match header.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim()),
        _ => Err(Problem::no_token()),
    }
}
