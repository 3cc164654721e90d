//! Which encoding of a body a client accepts (RFC 9110, 12.5.3), and gzip.

use flate2::{Compression, write::GzEncoder};
use std::io::Write;

/// Bodies of up to this many bytes are sent as they are: gzip would save less than its own cost.
const MAX_PLAIN_BYTES: usize = 1_024;
/// The weight of an encoding that a list names without one, in thousandths.
const FULL_WEIGHT: u16 = 1_000;

/// The weights of the two encodings that there are, in thousandths; 0 means that the client refuses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    gzip: u16,
    identity: u16,
}

impl Accepted {
    /// Reads an `Accept-Encoding`. A member that is malformed counts as if it were not there.
    pub fn of(header: Option<&str>) -> Self {
        let (mut gzip, mut identity, mut others) = (None, None, None);
        for (name, weight) in header.unwrap_or_default().split(',').filter_map(member) {
            let named = match name {
                name if ["gzip", "x-gzip"].iter().any(|gzip| name.eq_ignore_ascii_case(gzip)) => &mut gzip,
                name if name.eq_ignore_ascii_case("identity") => &mut identity,
                "*" => &mut others,
                _ => continue,
            };
            // Of a name that stands twice the lower weight counts: what is refused once is refused.
            *named = Some(named.map_or(weight, |before: u16| before.min(weight)));
        }
        // Identity is acceptable unless refused; where it is not named, any other encoding comes first.
        Accepted { gzip: gzip.or(others).unwrap_or(0), identity: identity.or(others).unwrap_or(1) }
    }

    /// Whether a body of this size is sent as gzip.
    pub fn prefers_gzip(self, bytes: usize) -> bool {
        let large = bytes > MAX_PLAIN_BYTES && self.gzip >= self.identity;
        bytes > 0 && self.gzip > 0 && (large || self.identity == 0)
    }
}

/// A member of the list: an encoding with its weight.
fn member(text: &str) -> Option<(&str, u16)> {
    let (name, weight) = match text.split_once(';') {
        None => (text, Some(FULL_WEIGHT)),
        Some((name, parameter)) => (name, parameter.trim().split_once('=').and_then(weight)),
    };
    weight.map(|weight| (name.trim(), weight))
}

/// A weight in thousandths: `q=0.5` is 500. At most three digits stand behind the point.
fn weight((name, value): (&str, &str)) -> Option<u16> {
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    let digits = fraction.len() <= 3 && fraction.bytes().all(|b| b.is_ascii_digit());
    let thousandths =
        format!("{fraction:0<3}").parse::<u16>().ok().filter(|_| digits && name.eq_ignore_ascii_case("q"))?;
    match whole {
        "0" => Some(thousandths),
        "1" if thousandths == 0 => Some(FULL_WEIGHT),
        _ => None,
    }
}

/// The body as gzip, compressed well: it is kept and sent many times.
pub fn gzip(body: &[u8]) -> Vec<u8> {
    compressed(body, Compression::default())
}

/// The body as gzip, compressed fast: it is sent once.
pub fn gzip_once(body: &[u8]) -> Vec<u8> {
    compressed(body, Compression::fast())
}

fn compressed(body: &[u8], level: Compression) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 3), level);
    // Writing to memory cannot fail.
    let _ = encoder.write_all(body);
    encoder.finish().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::read::GzDecoder;
    use proptest::prelude::*;
    use std::io::Read;

    #[test]
    fn gzip_is_sent_where_it_is_accepted_and_not_liked_less_than_plain() {
        for header in [
            "gzip",
            "GZIP",
            "x-gzip",
            "br, gzip;q=0.5",
            "deflate, gzip; q=1.0, *;q=0.1",
            "*",
            "*;q=0.3",
            "gzip;q=0.001",
            "gzip ; Q=0.2 ,",
            "gzip, identity",
            "gzip;q=0.5, identity;q=0.5",
            "gzip;q=1.000",
            "x;q=9, gzip",
            "gzip;q=0.5,*;q=0",
        ] {
            assert!(Accepted::of(Some(header)).prefers_gzip(2_000), "{header}");
            assert!(!Accepted::of(Some(header)).prefers_gzip(0), "{header}: nothing to compress");
        }
        for header in [
            "",
            "br",
            "gzip;q=0",
            "gzip; q=0.0, br",
            "gzip;q=0.000",
            "gzipped",
            "identity",
            "identity;q=0",
            "*;q=0",
            "gzip;q=0.5, identity",
            "gzip;q=0, *",
            "gzip;q=0.4, *",
            "gzip;q=2",
            "gzip;q=",
            "gzip;q=x",
            "gzip;q=-1",
            "gzip;q=0.1234",
            "gzip;q=1.001",
            "gzip;level=9",
            "gzip, gzip;q=0",
            "gzip;q=0.5;q=1",
            "gzip;",
            ";q=1",
            ",,",
        ] {
            assert!(!Accepted::of(Some(header)).prefers_gzip(2_000), "{header}");
        }
        assert!(!Accepted::of(None).prefers_gzip(2_000), "a client that says nothing gets it plain");
    }

    #[test]
    fn a_small_body_is_sent_plain_unless_that_is_refused() {
        assert!(!Accepted::of(Some("gzip")).prefers_gzip(1_024));
        assert!(Accepted::of(Some("gzip")).prefers_gzip(1_025));
        for header in ["gzip, identity;q=0", "gzip, *;q=0", "x-gzip;q=0.1, identity;q=0.0"] {
            assert!(Accepted::of(Some(header)).prefers_gzip(1), "{header}");
        }
    }

    #[test]
    fn both_levels_give_the_same_bytes_back() {
        let body = "seats ".repeat(500);
        for compressed in [gzip(body.as_bytes()), gzip_once(body.as_bytes())] {
            assert!(compressed.len() < 100);
            let mut plain = String::new();
            GzDecoder::new(&compressed[..]).read_to_string(&mut plain).expect("gzip");
            assert_eq!(plain, body);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(header in "[-gziptdeny*;=q0-9., ]{0,40}") {
            let accepted = Accepted::of(Some(&header));
            prop_assert!(accepted.gzip <= FULL_WEIGHT && accepted.identity <= FULL_WEIGHT);
        }
    }
}
