//! The deployment's signing secret, and the keys that are derived from it. It is read when a function starts, and again
//! when it may have changed: ADR 4 says how a new secret takes over without a refused token.

mod keyring;

use crate::{
    context::Context,
    domain::time::{Seconds, Timestamp},
    telemetry::chain,
};
use aws_sdk_secretsmanager::{Client, error::SdkError, operation::get_secret_value::GetSecretValueError};
use futures_util::try_join;
pub use keyring::{Key, Keyring};
use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// How old a copy of the secret may get. It is also how long a new secret verifies before it signs: by then every
/// function has read it.
pub const MAX_AGE: Seconds = Seconds(300);
/// The least time between two readings, so that forged tokens cannot make a function read without end.
const PAUSE: Seconds = Seconds(10);

/// Why there is no keyring, in words for the log. Never a part of a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the signing secret {0}")]
pub struct SecretError(String);

/// The signing secret as this environment knows it.
pub struct Secrets {
    source: Option<Source>,
    context: Context,
    state: Mutex<State>,
}

struct Source {
    client: Client,
    id: String,
}

/// The last good keyring, and how the last reading went.
#[derive(Default)]
struct State {
    keyring: Option<Arc<Keyring>>,
    read_at: Timestamp,
    failure: Option<SecretError>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets")
    }
}

impl Secrets {
    /// The secret with this id or ARN in Secrets Manager, which is not read yet.
    pub fn new(client: Client, id: &str, context: Context) -> Self {
        Secrets { source: Some(Source { client, id: id.to_owned() }), context, state: Mutex::default() }
    }

    /// No secret: for functions without tokens.
    pub fn none(context: Context) -> Self {
        Secrets { source: None, context, state: Mutex::default() }
    }

    /// A secret that never changes: for the simulator.
    ///
    /// # Errors
    /// What is wrong with the secret.
    pub fn fixed(secret: &str, context: Context) -> Result<Self, SecretError> {
        let keyring = Some(Arc::new(Keyring::new(secret, None, Timestamp::DISTANT_PAST)?));
        let state = State { keyring, read_at: Timestamp::DISTANT_PAST, failure: None };
        Ok(Secrets { source: None, context, state: Mutex::new(state) })
    }

    /// The time by the context's clock, which decides what signs.
    pub fn now(&self) -> Timestamp {
        self.context.now()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last good keyring; `None` where the secret could never be read.
    pub fn keyring(&self) -> Option<Arc<Keyring>> {
        self.state().keyring.clone()
    }

    /// Why there is no keyring, where the function needs one.
    pub fn missing(&self) -> Option<SecretError> {
        let state = self.state();
        let missing = self.source.is_some() && state.keyring.is_none();
        missing.then(|| state.failure.clone().unwrap_or_else(|| SecretError("was not read yet".to_owned())))
    }

    /// Reads the secret again if the copy is five minutes old; ten seconds after the last reading if that failed, if there
    /// is no copy, or if a token names a key that is not in it. After a failure, which is logged, the last good one stays in use.
    pub async fn refresh(&self, kid: Option<&str>) {
        let now = self.context.now();
        let due = {
            let state = self.state();
            let known = |kid| state.keyring.as_ref().is_some_and(|keyring| keyring.by_id(kid).is_some());
            let soon = state.failure.is_some() || state.keyring.is_none() || kid.is_some_and(|kid| !known(kid));
            state.read_at + if soon { PAUSE } else { MAX_AGE } <= now
        };
        if due {
            self.read(now).await;
        }
    }

    /// Reads the secret, if it was not read within ten seconds, and says what is wrong with it.
    ///
    /// # Errors
    /// How the last reading failed.
    pub async fn check(&self) -> Result<(), SecretError> {
        let now = self.context.now();
        if self.state().read_at + PAUSE <= now {
            self.read(now).await;
        }
        self.state().failure.clone().map_or(Ok(()), Err)
    }

    async fn read(&self, now: Timestamp) {
        let Some(source) = &self.source else { return };
        self.state().read_at = now;
        let keyring = source.keyring().await;
        let mut state = self.state();
        state.failure = keyring.as_ref().err().cloned();
        match keyring {
            Ok(keyring) => state.keyring = Some(Arc::new(keyring)),
            Err(error) => tracing::error!(%error, "the last good one stays in use"),
        }
    }
}

/// A version of the secret, and when it was stored.
struct Version {
    text: String,
    since: Timestamp,
}

impl Source {
    /// The keyring of the current version and the one before it.
    async fn keyring(&self) -> Result<Keyring, SecretError> {
        let (current, previous) = try_join!(self.version("AWSCURRENT"), self.version("AWSPREVIOUS"))?;
        let current = current.ok_or_else(|| SecretError("does not exist".to_owned()))?;
        Keyring::new(&current.text, previous.as_ref().map(|version| version.text.as_str()), current.since)
    }

    /// The version at a stage; `None` if there is none.
    async fn version(&self, stage: &str) -> Result<Option<Version>, SecretError> {
        let unreadable = |why: String| SecretError(format!("cannot be read: {why}"));
        match self.client.get_secret_value().secret_id(&self.id).version_stage(stage).send().await {
            Ok(found) => {
                let text = found.secret_string.ok_or_else(|| unreadable("it is not text".to_owned()))?;
                let since = found.created_date.and_then(|at| at.to_millis().ok()).unwrap_or_default();
                Ok(Some(Version { text, since: Timestamp::from_millis(since) }))
            }
            Err(SdkError::ServiceError(error))
                if matches!(error.err(), GetSecretValueError::ResourceNotFoundException(_)) =>
            {
                Ok(None)
            }
            Err(error) => Err(unreadable(chain(&error))),
        }
    }
}
