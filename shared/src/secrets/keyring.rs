//! The keys that are derived from the signing secret (ADR 4).

use super::{MAX_AGE, SecretError};
use crate::domain::time::Timestamp;
use aws_lc_rs::{
    digest,
    hmac::{self, HMAC_SHA256},
    signature::{Ed25519KeyPair, KeyPair},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{DecodingKey, EncodingKey};
use serde_json::{Value, json};

const MIN_SECRET_BYTES: usize = 32;

/// What one secret gives: key pairs for tokens and for webhooks, and keys for cursors and for the pseudonyms of limits.
pub struct Key {
    /// The `kid` of its tokens.
    pub id: String,
    /// Signs tokens.
    pub signing: EncodingKey,
    /// Verifies tokens.
    pub verifying: DecodingKey,
    /// Signs and verifies cursors.
    pub cursors: hmac::Key,
    /// Makes pseudonyms.
    pub pseudonyms: hmac::Key,
    /// Signs what is posted to webhooks.
    pub webhooks: Ed25519KeyPair,
    public: String,
}

/// The keys of a deployment. All of them verify, and one of them signs.
pub struct Keyring {
    keys: Vec<Key>,
    /// The key that signed before the current version of the secret, if it is another.
    before: Option<usize>,
    /// When the current version of the secret was stored.
    since: Timestamp,
}

/// The key pair of one purpose. The label keeps the keys of different purposes apart.
fn key_pair(label: &str, secret: &str) -> Result<Ed25519KeyPair, SecretError> {
    let seed = digest::digest(&digest::SHA256, format!("{label}\n{secret}").as_bytes());
    Ed25519KeyPair::from_seed_unchecked(seed.as_ref()).map_err(|_| SecretError("gives no key".to_owned()))
}

impl Key {
    fn derive(secret: &str) -> Result<Self, SecretError> {
        let pair = key_pair("stagedoor token signing key 1", secret)?;
        let private = pair.to_pkcs8v1().map_err(|_| SecretError("gives no key".to_owned()))?;
        let public = BASE64_URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
        // RFC 8037, appendix A.3: the thumbprint of an Ed25519 key.
        let thumbprint = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{public}"}}"#);
        let keyed = |label: &str| hmac::Key::new(HMAC_SHA256, format!("{label}\n{secret}").as_bytes());
        Ok(Key {
            id: BASE64_URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, thumbprint.as_bytes())),
            signing: EncodingKey::from_ed_der(private.as_ref()),
            verifying: DecodingKey::from_ed_components(&public).map_err(|_| SecretError("gives no key".to_owned()))?,
            cursors: keyed("stagedoor cursors 1"),
            pseudonyms: keyed("stagedoor limit subjects 1"),
            webhooks: key_pair("stagedoor webhook signing key 1", secret)?,
            public,
        })
    }

    /// The public key as a JSON Web Key.
    pub fn jwk(&self) -> Value {
        json!({ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": self.id, "x": self.public })
    }
}

impl Keyring {
    /// Derives the keys of the current version of the secret, which was stored at `since`, and of the one before it.
    /// Each version is one secret, or several separated by commas, of which the first signs.
    ///
    /// # Errors
    /// What is wrong with the current version. A wrong previous one is left out: what is in use must not depend on it.
    pub fn new(current: &str, previous: Option<&str>, since: Timestamp) -> Result<Self, SecretError> {
        let mut secrets = split(current).map_err(|problem| SecretError(problem.to_owned()))?;
        let previous = previous.and_then(|text| split(text).ok()).unwrap_or_default();
        for secret in &previous {
            if !secrets.contains(secret) {
                secrets.push(secret);
            }
        }
        let before = previous.first().and_then(|first| secrets.iter().position(|secret| secret == first));
        let keys = secrets.into_iter().map(Key::derive).collect::<Result<_, _>>()?;
        Ok(Keyring { keys, before, since })
    }

    /// The key that signs at `now`: the first one, or for five minutes after the secret was changed the one that signed
    /// before it.
    pub fn signer(&self, now: Timestamp) -> &Key {
        let before = self.before.filter(|_| now < self.since + MAX_AGE);
        &self.keys[before.unwrap_or_default()]
    }

    /// The key with this `kid`.
    pub fn by_id(&self, kid: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.id == kid)
    }

    /// All keys, those of the current version first.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }
}

/// Splits a comma-separated list of secrets and trims each: with a blank or line break that an editor left behind, the
/// same secret would derive another key.
///
/// # Errors
/// What is wrong with the list, without any of its secrets.
fn split(list: &str) -> Result<Vec<&str>, &'static str> {
    let secrets: Vec<&str> = list.split(',').map(str::trim).collect();
    for (index, secret) in secrets.iter().enumerate() {
        match secret.len() {
            0 => return Err("has an empty part: look for a comma too many"),
            1..MIN_SECRET_BYTES => return Err("has a part of fewer than 32 characters"),
            _ if secrets[..index].contains(secret) => return Err("has the same part twice"),
            _ => {}
        }
    }
    Ok(secrets)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "first-secret-of-thirty-two-letters";
    const TWO: &str = "second-secret-of-thirty-two-letters";
    const THREE: &str = "third-secret-of-thirty-two-letters";

    fn ids(ring: &Keyring) -> Vec<&str> {
        ring.keys().iter().map(|key| key.id.as_str()).collect()
    }

    fn id(secret: &str) -> String {
        Key::derive(secret).unwrap().id
    }

    #[test]
    fn a_new_secret_verifies_for_five_minutes_before_it_signs() {
        let at = Timestamp::from_seconds;
        let ring = Keyring::new(TWO, Some(ONE), at(1_000)).unwrap();
        assert_eq!(ids(&ring), [id(TWO), id(ONE)]);
        assert_eq!(ring.signer(at(1_299)).id, id(ONE));
        assert_eq!(ring.signer(at(1_300)).id, id(TWO));
        let first = Keyring::new(ONE, None, at(1_000)).unwrap();
        assert_eq!(first.signer(at(1_000)).id, id(ONE), "the first secret signs at once");
        let listed = format!("{THREE},{TWO}");
        let ring = Keyring::new(&listed, Some(TWO), at(1_000)).unwrap();
        assert_eq!((ids(&ring), ring.signer(at(1_001)).id.clone()), (vec![&*id(THREE), &*id(TWO)], id(TWO)));
        let removed = Keyring::new(TWO, Some(&listed), at(1_000)).unwrap();
        assert_eq!(removed.signer(at(1_001)).id, id(THREE), "until all have read that it goes");
        assert_eq!(removed.signer(at(1_300)).id, id(TWO));
    }

    #[test]
    fn secrets_are_trimmed_long_and_distinct_and_never_shown() {
        let spaced = format!(" {ONE} ,\n {TWO}\r\n");
        assert_eq!(ids(&Keyring::new(&spaced, None, Timestamp::DISTANT_PAST).unwrap()), [id(ONE), id(TWO)]);
        for (list, problem) in [
            (format!("{ONE},"), "has an empty part: look for a comma too many"),
            (format!(",{ONE}"), "has an empty part: look for a comma too many"),
            (format!("{ONE}, ,{TWO}"), "has an empty part: look for a comma too many"),
            (String::new(), "has an empty part: look for a comma too many"),
            (format!("{ONE}, {ONE}"), "has the same part twice"),
            ("thirty-one-letters-are-too-few!".to_owned(), "has a part of fewer than 32 characters"),
        ] {
            let error = Keyring::new(&list, None, Timestamp::DISTANT_PAST).map(drop).unwrap_err();
            assert_eq!(error.to_string(), format!("the signing secret {problem}"), "{list}");
        }
        assert_eq!(ids(&Keyring::new(ONE, Some("broken"), Timestamp::DISTANT_PAST).unwrap()), [id(ONE)]);
    }
}
