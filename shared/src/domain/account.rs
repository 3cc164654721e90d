//! Who a fan is: name, password rules, role.

use serde::{Deserialize, Serialize};

/// What an account may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Buys.
    #[default]
    Fan,
    /// Opens and corrects sales, and acts for fans.
    Admin,
}

/// A user name: 3 to 32 of `[A-Za-z0-9_.-]`, unique without regard to case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Username(String);

impl Username {
    /// Checks the rule; the text of the error says it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let allowed = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
        if (3..=32).contains(&text.len()) && allowed {
            Ok(Username(text.to_owned()))
        } else {
            Err("must be 3 to 32 of A-Z, a-z, 0-9, _, . and -")
        }
    }

    /// As the fan wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form that must be unique.
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

/// A password as it came in: 8 to 128 characters. It has no `Debug`, so that it cannot reach a log by accident.
pub struct Password(String);

impl Password {
    /// Checks the length in characters; the text of the error says the rule.
    pub fn parse(text: String) -> Result<Self, &'static str> {
        if (8..=128).contains(&text.chars().count()) { Ok(Password(text)) } else { Err("must be 8 to 128 characters") }
    }

    /// A password to be compared with a hash: one that breaks the rule is just a wrong one.
    pub fn presented(text: String) -> Self {
        Password(text)
    }

    /// The bytes to hash.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["abc", "A.b-c_9", &"x".repeat(32)] {
            assert!(Username::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "ab", &"x".repeat(33), "a b", "a#b", "\u{0430}bc", "abc\0"] {
            assert!(Username::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(Username::parse("MiXed").unwrap().folded(), "mixed");
    }

    #[test]
    fn passwords_are_counted_in_characters() {
        assert!(Password::parse("1234567".into()).is_err());
        assert!(Password::parse("        ".into()).is_ok());
        assert!(Password::parse("\u{1f3ab}".repeat(128)).is_ok());
        assert!(Password::parse("x".repeat(129)).is_err());
    }
}
