//! Signatures of Standard Webhooks 1.0: Ed25519 over `{id}.{timestamp}.{body}`.

use crate::{
    domain::time::Timestamp,
    secrets::{Key, Keyring},
};
use aws_lc_rs::signature::KeyPair;
use base64::{Engine, prelude::BASE64_STANDARD};

/// The public key, as Standard Webhooks writes it: `whpk_` and its 32 bytes in base64.
pub fn public_key(key: &Key) -> String {
    format!("whpk_{}", BASE64_STANDARD.encode(key.webhooks.public_key().as_ref()))
}

/// The value of `webhook-signature`: `v1a,` and a signature in base64. During a rotation there is one of each key, with
/// blanks between them, that of the key which signs first: a receiver that knows either key accepts it.
pub fn sign(keyring: &Keyring, now: Timestamp, id: &str, body: &str) -> String {
    let content = format!("{id}.{}.{body}", now.seconds());
    let first = keyring.signer(now);
    let others = keyring.keys().iter().filter(|key| key.id != first.id);
    let one = |key: &Key| format!("v1a,{}", BASE64_STANDARD.encode(key.webhooks.sign(content.as_bytes()).as_ref()));
    [first].into_iter().chain(others).map(one).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};

    const OLD: &str = "first-secret-of-thirty-two-letters";
    const NEW: &str = "second-secret-of-thirty-two-letters";

    fn verifies(key: &Key, signature: &str, content: &str) -> bool {
        let bytes = BASE64_STANDARD.decode(signature.strip_prefix("v1a,").unwrap()).unwrap();
        let public = BASE64_STANDARD.decode(public_key(key).strip_prefix("whpk_").unwrap()).unwrap();
        UnparsedPublicKey::new(&ED25519, public).verify(content.as_bytes(), &bytes).is_ok()
    }

    #[test]
    fn a_rotation_signs_with_both_keys_and_the_signing_key_first() {
        let ring = Keyring::new(NEW, Some(OLD), Timestamp::from_seconds(1_000)).unwrap();
        for (now, first) in [(1_001, 1), (1_300, 0)] {
            let signatures = sign(&ring, Timestamp::from_seconds(now), "id/1", r#"{"a":1}"#);
            let signatures: Vec<&str> = signatures.split(' ').collect();
            let content = format!(r#"id/1.{now}.{{"a":1}}"#);
            let [current, other] = [&ring.keys()[first], &ring.keys()[1 - first]];
            assert_eq!(signatures.len(), 2);
            assert!(verifies(current, signatures[0], &content) && verifies(other, signatures[1], &content));
            assert!(!verifies(current, signatures[1], &content), "each key signs for itself");
            assert!(!verifies(current, signatures[0], &content.replace("id/1", "id/2")));
        }
    }

    #[test]
    fn the_key_of_webhooks_is_not_that_of_tokens() {
        let ring = Keyring::new(NEW, None, Timestamp::DISTANT_PAST).unwrap();
        let key = &ring.keys()[0];
        let tokens = key.jwk()["x"].as_str().unwrap().replace('-', "+").replace('_', "/");
        assert!(!public_key(key).contains(&tokens));
        assert_eq!(public_key(key).len(), "whpk_".len() + 44);
    }
}
