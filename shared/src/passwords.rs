//! Passwords at rest: argon2id at the floor that OWASP names (19 MiB, two passes, one lane).

use crate::domain::account::Password;
use argon2::{Argon2, PasswordHasher, PasswordVerifier, password_hash::phc::PasswordHash};

/// The hash of no password: an unknown user is checked against it, so that it takes the same time as a known one.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c3RhZ2Vkb29yLW5vYm9keQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Hashes a password with a random salt, as a PHC string.
pub fn hash(password: &Password) -> Result<String, String> {
    let hash: PasswordHash = Argon2::default().hash_password(password.as_bytes()).map_err(|e| e.to_string())?;
    Ok(hash.to_string())
}

/// Whether the password is the one that was hashed; `None` is an account that does not exist and never matches.
pub fn verify(password: &Password, hash: Option<&str>) -> bool {
    let Ok(parsed) = PasswordHash::new(hash.unwrap_or(NOBODY)) else { return false };
    let matches = Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok();
    matches && hash.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_password_matches() {
        let password = |text: &str| Password::parse(text.to_owned()).unwrap();
        let stored = hash(&password("correct horse")).unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(verify(&password("correct horse"), Some(&stored)));
        assert!(!verify(&password("correct horsf"), Some(&stored)));
        assert!(!verify(&password("correct horse"), None));
        assert!(PasswordHash::new(NOBODY).is_ok());
    }
}
