//! Text for people to read.

use icu_normalizer::ComposingNormalizerBorrowed;
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use std::fmt;

/// Text of `LEAST` to `MOST` characters (Unicode code points) in NFC, with line breaks where `LINES`. It is empty or
/// has a visible character, and contains no character of [`refused`], except the tags of an emoji flag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Text<const LEAST: usize, const MOST: usize, const LINES: bool = false>(String);

/// The name of a concert.
pub type ConcertName = Text<1, 200>;
/// A category, a section or a seat type.
pub type Label = Text<1, 32>;
/// The name of a venue.
pub type VenueName = Text<1, 100>;
/// The address of a venue.
pub type VenueAddress = Text<1, 200>;
/// What a recharge goes back to, in the words of the operator's own books.
pub type Reference = Text<1, 64>;
/// The reason that a caller gives for a request.
pub type Reason = Text<0, 500, true>;

/// A message of the operators to the fans who wait.
pub type Message = Text<1, 280>;

/// The rule that a text breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidText {
    least: usize,
    most: usize,
    lines: bool,
}

impl fmt::Display for InvalidText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let InvalidText { least, most, lines } = self;
        let lines = if *lines { " (line breaks are allowed)" } else { "" };
        write!(
            f,
            "must be {least} to {most} characters, not only blanks, without control or invisible characters{lines}"
        )
    }
}

impl<const LEAST: usize, const MOST: usize, const LINES: bool> Text<LEAST, MOST, LINES> {
    /// Normalizes the text to NFC, so that two spellings of the same text are equal, and checks the rule.
    ///
    /// # Errors
    /// The rule, in words.
    pub fn parse(text: String) -> Result<Self, InvalidText> {
        let text = ComposingNormalizerBorrowed::new_nfc().normalize(&text).into_owned();
        let plain = without_flag_tags(&text);
        let length = (LEAST..=MOST).contains(&text.chars().count());
        let shows = text.is_empty() || plain.chars().any(is_seen);
        let refused = |character| is_refused(character) && !(LINES && matches!(character, '\n' | '\r'));
        if length && shows && !plain.contains(refused) {
            Ok(Text(text))
        } else {
            Err(InvalidText { least: LEAST, most: MOST, lines: LINES })
        }
    }

    /// The text.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl<'de, const LEAST: usize, const MOST: usize, const LINES: bool> Deserialize<'de> for Text<LEAST, MOST, LINES> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Text::parse(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// The ranges of characters that no text may contain: control characters, separators of lines and paragraphs, invisible
/// format characters, fillers, tags and noncharacters. With them two names could look alike, or the text around a name
/// could read in another order. Joiners and variation selectors are allowed, since scripts and emoji need them; so are
/// tags in an emoji flag.
const REFUSED: [(char, char); 22] = [
    ('\0', '\t'),
    // Line feed. It has a range of its own, as carriage return has below, since some texts may contain line breaks.
    ('\n', '\n'),
    ('\u{b}', '\u{c}'),
    ('\r', '\r'),
    ('\u{e}', '\u{1f}'),
    ('\u{7f}', '\u{9f}'),
    // Soft hyphen.
    ('\u{ad}', '\u{ad}'),
    // Arabic letter mark.
    ('\u{61c}', '\u{61c}'),
    // Hangul fillers, here and below.
    ('\u{115f}', '\u{1160}'),
    // Mongolian vowel separator.
    ('\u{180e}', '\u{180e}'),
    // Zero-width space.
    ('\u{200b}', '\u{200b}'),
    // Direction marks.
    ('\u{200e}', '\u{200f}'),
    // Line and paragraph separators; embeddings and overrides of direction.
    ('\u{2028}', '\u{202e}'),
    // Word joiner, invisible operators, isolates of direction.
    ('\u{2060}', '\u{206f}'),
    // Braille without dots.
    ('\u{2800}', '\u{2800}'),
    ('\u{3164}', '\u{3164}'),
    // Noncharacters; two more end each plane.
    ('\u{fdd0}', '\u{fdef}'),
    // Byte order mark.
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    // Interlinear annotation.
    ('\u{fff9}', '\u{fffb}'),
    ('\u{fffe}', '\u{ffff}'),
    TAGS,
];
const TAGS: (char, char) = ('\u{e0000}', '\u{e007f}');

/// Characters that are allowed and invisible by themselves, besides white space: joiners and variation selectors.
pub const UNSEEN: [(char, char); 6] = [
    ('\u{34f}', '\u{34f}'),
    ('\u{180b}', '\u{180d}'),
    ('\u{180f}', '\u{180f}'),
    ('\u{200c}', '\u{200d}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{e0100}', '\u{e01ef}'),
];

/// The black flag that begins the emoji flag of a region; [`FLAG_TAGS`] and [`FLAG_END`] follow.
pub const FLAG: char = '\u{1f3f4}';
/// The range of the tags in an emoji flag.
pub const FLAG_TAGS: (char, char) = ('\u{e0020}', '\u{e007e}');
/// The tag that ends an emoji flag.
pub const FLAG_END: char = '\u{e007f}';

/// All ranges of characters that no text may contain.
pub fn refused() -> impl Iterator<Item = (char, char)> {
    let plane = |number: u32| Some((char::from_u32(number << 16 | 0xfffe)?, char::from_u32(number << 16 | 0xffff)?));
    REFUSED.into_iter().chain((1..=16).filter_map(plane))
}

fn is_in((first, last): (char, char), character: char) -> bool {
    (first..=last).contains(&character)
}

fn is_refused(character: char) -> bool {
    refused().any(|range| is_in(range, character))
}

fn is_seen(character: char) -> bool {
    !character.is_whitespace() && !UNSEEN.into_iter().any(|range| is_in(range, character)) && !is_refused(character)
}

/// The text without the tags of well-formed emoji flags, so that the tags that are left are stray ones.
fn without_flag_tags(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once(FLAG) {
        plain.extend([before, "\u{1f3f4}"]);
        let tags = behind.trim_start_matches(|tag| is_in(FLAG_TAGS, tag));
        let ended = tags.strip_prefix(FLAG_END).filter(|_| tags.len() < behind.len());
        rest = ended.unwrap_or(behind);
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visible_text_is_accepted() {
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
        let flag = "\u{1f3f4}\u{e0067}\u{e0062}\u{e0077}\u{e006c}\u{e0073}\u{e007f}";
        for good in [flag, &format!("Cymru {flag}{flag}!"), "\u{1f3f4}", "\u{2764}\u{fe0f}", "\u{10fffd}"] {
            assert!(Label::parse(good.to_owned()).is_ok(), "{good:?}");
        }
        assert!(Label::parse("\u{1f3ab}".repeat(32)).is_ok());
        assert!(Label::parse("\u{1f3ab}".repeat(33)).is_err());
        assert!(Reason::parse(String::new()).is_ok());
    }

    #[test]
    fn invisible_text_and_control_characters_are_refused() {
        for hidden in [
            '\0', '\t', '\u{b}', '\u{c}', '\u{e}', '\u{1b}', '\u{7f}', '\u{85}', '\u{9f}', '\u{ad}', '\u{61c}',
            '\u{180e}', '\u{200b}', '\u{200e}', '\u{200f}', '\u{2028}', '\u{2029}', '\u{202a}', '\u{202e}', '\u{2060}',
            '\u{2066}', '\u{2069}', '\u{206f}', '\u{feff}', '\u{fff9}', '\u{fffb}',
        ] {
            assert!(ConcertName::parse(format!("Night{hidden}")).is_err(), "{hidden:?}");
            assert!(Reason::parse(hidden.to_string()).is_err(), "{hidden:?}");
        }
        for blank in
            ["", " ", "\u{a0}\u{3000}", "\u{200d}", "\u{200c} \u{34f}", "\u{fe0f}", "\u{e0100}", "\u{180b}\u{180f}"]
        {
            assert!(Label::parse(blank.to_owned()).is_err(), "{blank:?}");
            assert_eq!(Reason::parse(blank.to_owned()).is_err(), !blank.is_empty(), "{blank:?}");
        }
    }

    #[test]
    fn fillers_noncharacters_and_stray_tags_are_refused_anywhere() {
        let fillers = ['\u{3164}', '\u{ffa0}', '\u{115f}', '\u{1160}', '\u{2800}'];
        let plane = |number: u32| [number << 16 | 0xfffe, number << 16 | 0xffff];
        let noncharacters = (0xfdd0..=0xfdef).chain((0..=16).flat_map(plane)).filter_map(char::from_u32);
        let tags = ('\u{e0000}'..='\u{e007f}').collect::<Vec<_>>();
        for hidden in fillers.into_iter().chain(noncharacters).chain(tags) {
            assert!(Label::parse(format!("a{hidden}b")).is_err(), "{:x}", u32::from(hidden));
        }
        for stray in [
            "\u{1f3f4}\u{e007f}",
            "\u{1f3f4}\u{e0067}",
            "\u{1f3f4}\u{e0067}x\u{e007f}",
            "\u{1f3f4}\u{e0001}\u{e0067}\u{e007f}",
            "\u{1f3f4}\u{e0067}\u{e007f}\u{e007f}",
            "\u{1f3f3}\u{e0067}\u{e007f}",
        ] {
            assert!(Label::parse(stray.to_owned()).is_err(), "{stray:?}");
        }
    }

    #[test]
    fn a_text_is_kept_and_counted_in_nfc() {
        let composed = |text: &str| Label::parse(text.to_owned()).map(Label::into_string);
        assert_eq!(composed("e\u{301}"), composed("\u{e9}"));
        assert_eq!(composed("\u{1112}\u{1161}\u{11ab}"), Ok("\u{d55c}".to_owned()));
        assert_eq!(composed(&"e\u{301}".repeat(32)), Ok("\u{e9}".repeat(32)));
        assert!(composed(&"e\u{301}".repeat(33)).is_err());
    }

    #[test]
    fn a_reason_may_have_line_breaks_and_no_name_may() {
        assert!(Reason::parse("It rains.\r\nNobody comes.\n".to_owned()).is_ok());
        assert!(Reason::parse("\r\n".to_owned()).is_err(), "only blanks");
        assert!(ConcertName::parse("It\nrains".to_owned()).is_err());
    }
}
