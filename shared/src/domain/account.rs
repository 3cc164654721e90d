//! Accounts: user names, password rules and roles.

use serde::{Deserialize, Serialize};

/// What an account may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A fan, who buys.
    #[default]
    Fan,
    /// Works at the doors of a concert.
    Door,
    /// Runs a sale: sees it, and changes its queues.
    Operator,
    /// Opens and corrects sales, and acts for fans. May do all that the others may.
    Admin,
}

impl Role {
    /// Whether it may run a sale.
    pub fn operates(self) -> bool {
        matches!(self, Role::Operator | Role::Admin)
    }
}

/// A user name: 3 to 32 of `[A-Za-z0-9_.-]`, unique without regard to case.
///
/// Stricter than PRECIS UsernameCaseMapped (RFC 8265): with nothing but ASCII, no two names look alike because of their
/// script, width, combining or invisible characters, and lower case needs no locale (no dotless i).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Username(String);

impl Username {
    /// Checks the rule of user names.
    ///
    /// # Errors
    /// The rule, in words for the client.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let allowed = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
        if (3..=32).contains(&text.len()) && allowed {
            Ok(Username(text.to_owned()))
        } else {
            Err("must be 3 to 32 of A-Z, a-z, 0-9, _, . and -")
        }
    }

    /// The name as the fan wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name in lower case, which must be unique.
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

/// A password: 8 to 128 characters (Unicode code points), spaces allowed, control characters not. It has no `Debug`, so
/// that it cannot reach a log by accident.
///
/// It is hashed as the bytes that came, without the normalization of PRECIS OpaqueString (RFC 8265): a fan's keyboard
/// and browser give the same bytes for the same keys. Normalization can be added later, by trying both forms, but not
/// taken back, since a hash does not show which form it was made of. A client that composes text itself should send
/// NFC. Control characters, NUL among them, cannot be typed into a form, and some software cuts a password at them.
pub struct Password(String);

impl Password {
    /// Checks the rule of passwords.
    ///
    /// # Errors
    /// The rule, in words for the client.
    pub fn parse(text: String) -> Result<Self, &'static str> {
        if (8..=128).contains(&text.chars().count()) && !text.contains(char::is_control) {
            Ok(Password(text))
        } else {
            Err("must be 8 to 128 characters, none of them a control character")
        }
    }

    /// The password of a login, to compare with a hash. The rule is not checked: a password that breaks it matches
    /// none.
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
    fn a_user_name_has_3_to_32_allowed_characters() {
        for good in ["abc", "A.b-c_9", &"x".repeat(32)] {
            assert!(Username::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "ab", &"x".repeat(33), "a b", "a#b"] {
            assert!(Username::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(Username::parse("MiXed").unwrap().folded(), "mixed");
    }

    #[test]
    fn no_user_name_looks_like_another() {
        for (kind, alike) in [
            ("Cyrillic a", "\u{430}bc"),
            ("Greek omicron", "b\u{3bf}b"),
            ("full-width", "\u{ff41}bc"),
            ("composed", "\u{e9}ve"),
            ("combining", "e\u{301}ve"),
            ("dotless i", "\u{131}van"),
            ("dotted I", "\u{130}van"),
            ("zero-width space", "ab\u{200b}c"),
            ("zero-width joiner", "ab\u{200d}c"),
            ("soft hyphen", "ab\u{ad}c"),
            ("right-to-left override", "ab\u{202e}c"),
            ("byte order mark", "\u{feff}abc"),
            ("tag", "abc\u{e0061}"),
            ("ligature", "\u{fb01}sh"),
            ("Roman numeral", "\u{2160}van"),
            ("Kelvin sign", "\u{212a}arl"),
            ("trailing NUL", "abc\0"),
            ("new line", "abc\n"),
            ("space", "abc "),
            ("no-break space", "abc\u{a0}"),
            ("slash", "../abc"),
            ("percent", "abc%00"),
        ] {
            assert!(Username::parse(alike).is_err(), "{kind}");
        }
    }

    #[test]
    fn passwords_have_no_control_characters() {
        for control in ["\0", "\t", "\r", "\n", "\u{7f}", "\u{85}", "\u{9b}"] {
            assert!(Password::parse(format!("correct{control}horse")).is_err(), "{control:?}");
        }
        assert!(Password::parse("correct horse \u{e9}\u{301}\u{200d}".into()).is_ok());
    }

    #[test]
    fn passwords_are_counted_in_characters() {
        assert!(Password::parse("1234567".into()).is_err());
        assert!(Password::parse("        ".into()).is_ok());
        assert!(Password::parse("\u{1f3ab}".repeat(128)).is_ok());
        assert!(Password::parse("x".repeat(129)).is_err());
    }
}
