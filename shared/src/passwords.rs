//! Password hashes: argon2id with the least parameters that OWASP recommends (19 MiB, two passes, one lane).

use crate::domain::account::Password;
use argon2::{Argon2, PasswordHasher, PasswordVerifier, password_hash::phc::PasswordHash};

/// A hash that no password has. A login with an unknown name is checked against it, so that timing does not reveal
/// whether the name exists.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c3RhZ2Vkb29yLW5vYm9keQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Hashes a password with a random salt, to a PHC string.
pub fn hash(password: &Password) -> Result<String, String> {
    let hash: PasswordHash = Argon2::default().hash_password(password.as_bytes()).map_err(|e| e.to_string())?;
    Ok(hash.to_string())
}

/// Whether the password has this hash. `None` stands for an account that does not exist: it takes as long and never
/// matches.
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
