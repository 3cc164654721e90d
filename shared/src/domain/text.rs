//! Text that people read.

use serde::{Deserialize, Deserializer, Serialize, de::Error};
use std::fmt;

/// Text of at least `LEAST` and at most `MOST` characters (Unicode code points), not blank unless it may be empty, and
/// without characters that cannot be seen: see [`INVISIBLE`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Text<const LEAST: usize, const MOST: usize>(String);

/// The name of a concert.
pub type ConcertName = Text<1, 200>;
/// A category, a section or a type of seat.
pub type Label = Text<1, 32>;
/// Why somebody did something.
pub type Reason = Text<0, 500>;

/// What operators tell those who wait.
pub type Message = Text<1, 280>;

/// The rule that a text breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidText {
    least: usize,
    most: usize,
}

impl fmt::Display for InvalidText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let InvalidText { least, most } = self;
        let blank = if *least > 0 { ", not blank" } else { "" };
        write!(f, "must be {least} to {most} characters{blank}, without control or invisible characters")
    }
}

impl<const LEAST: usize, const MOST: usize> Text<LEAST, MOST> {
    /// Checks the rule; the text of the error says it.
    pub fn parse(text: String) -> Result<Self, InvalidText> {
        let length = (LEAST..=MOST).contains(&text.chars().count());
        let blank = LEAST > 0 && text.trim().is_empty();
        if length && !blank && !text.contains(is_invisible) {
            Ok(Text(text))
        } else {
            Err(InvalidText { least: LEAST, most: MOST })
        }
    }

    /// The text.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl<'de, const LEAST: usize, const MOST: usize> Deserialize<'de> for Text<LEAST, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Text::parse(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// What no text for people holds, as ranges: control characters, separators of lines and paragraphs, and invisible format
/// characters. With them two names look alike, or the text around a name reads in another order. What scripts and emoji
/// are composed with (joiners, variation selectors, the tags of flags) is none of these.
pub const INVISIBLE: [(char, char); 11] = [
    ('\0', '\u{1f}'),
    ('\u{7f}', '\u{9f}'),
    // Soft hyphen.
    ('\u{ad}', '\u{ad}'),
    // Arabic letter mark.
    ('\u{61c}', '\u{61c}'),
    // Mongolian vowel separator.
    ('\u{180e}', '\u{180e}'),
    // Zero-width space.
    ('\u{200b}', '\u{200b}'),
    // Marks of direction.
    ('\u{200e}', '\u{200f}'),
    // Separators; embeddings and overrides of direction.
    ('\u{2028}', '\u{202e}'),
    // Word joiner, invisible operators, isolates of direction.
    ('\u{2060}', '\u{206f}'),
    // Byte order mark.
    ('\u{feff}', '\u{feff}'),
    // Interlinear annotation.
    ('\u{fff9}', '\u{fffb}'),
];

fn is_invisible(character: char) -> bool {
    INVISIBLE.iter().any(|(first, last)| (*first..=*last).contains(&character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_seen_passes() {
        for good in [
            "A",
            " a ",
            "\u{5d0}\u{5d1} U2",
            "\u{646}\u{200c}\u{647}",
            "\u{1f468}\u{200d}\u{1f3a4}",
            "e\u{301}",
            "\u{c624}\u{d398}\u{b77c}",
        ] {
            assert!(Label::parse(good.to_owned()).is_ok(), "{good:?}");
        }
        assert!(Label::parse("\u{1f3ab}".repeat(32)).is_ok());
        assert!(Label::parse("\u{1f3ab}".repeat(33)).is_err());
        assert!(Reason::parse(String::new()).is_ok());
    }

    #[test]
    fn what_cannot_be_seen_does_not() {
        for hidden in [
            '\0', '\t', '\n', '\r', '\u{1b}', '\u{7f}', '\u{85}', '\u{9f}', '\u{ad}', '\u{61c}', '\u{180e}',
            '\u{200b}', '\u{200e}', '\u{200f}', '\u{2028}', '\u{2029}', '\u{202a}', '\u{202e}', '\u{2060}', '\u{2066}',
            '\u{2069}', '\u{206f}', '\u{feff}', '\u{fff9}', '\u{fffb}',
        ] {
            assert!(ConcertName::parse(format!("Night{hidden}")).is_err(), "{hidden:?}");
            assert!(Reason::parse(hidden.to_string()).is_err(), "{hidden:?}");
        }
        for blank in ["", " ", "\u{a0}\u{3000}"] {
            assert!(Label::parse(blank.to_owned()).is_err(), "{blank:?}");
        }
    }
}
