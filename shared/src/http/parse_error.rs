//! What is wrong with a body, in plain words. Serde's own words name Rust types and repeat the value that the client sent,
//! which may be a password or a token; so only what is known here is told, and anything else is just "not valid".

use super::Problem;
use serde_path_to_error::{Path, Segment};

/// The longest part of a pointer: a client chooses the name of an unknown field.
const LONGEST_NAME: usize = 64;

/// The problem that a parser's error makes. A sentence of our own starts with `must`, as an error of its own or as what a
/// visitor expects, and is told as it is.
pub fn problem(error: serde_path_to_error::Error<serde_json::Error>) -> Problem {
    let at = pointer(error.path());
    let error = error.into_inner();
    let text = error.to_string();
    let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what);
    if error.is_syntax() || error.is_eof() {
        return match what {
            "number out of range" => Problem::invalid(at, "is a number out of range"),
            "recursion limit exceeded" => Problem::invalid("", "is nested too deeply"),
            _ => Problem::invalid("", format!("is not JSON: {text}")),
        };
    }
    let field = |prefix| what.strip_prefix(prefix).and_then(|field: &str| field.strip_suffix('`'));
    if let Some(field) = field("missing field `") {
        Problem::invalid(format!("{at}/{field}"), "is missing")
    } else if let Some(field) = field("duplicate field `") {
        Problem::invalid(format!("{at}/{field}"), "appears twice")
    } else if what.starts_with("unknown field `") {
        Problem::invalid(at, "is not a field of this request")
    } else if what.starts_with("invalid ") {
        // What was expected comes last, so nothing of the client's can stand in its place.
        Problem::invalid(at, rule(what.rsplit_once(", expected ").map_or("", |(_, expected)| expected)))
    } else {
        Problem::invalid(at, rule(what))
    }
}

/// The sentence for what serde says that it expected.
fn rule(expected: &str) -> &str {
    match expected {
        ours if ours.starts_with("must ") => ours,
        "a boolean" => "must be true or false",
        "a string" => "must be a string",
        "a sequence" => "must be an array",
        _ => "is not valid",
    }
}

/// A JSON pointer (RFC 6901).
fn pointer(path: &Path) -> String {
    let part = |segment: &Segment| match segment {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } => {
            let key: String = key.chars().take(LONGEST_NAME).collect();
            format!("/{}", key.replace('~', "~0").replace('/', "~1"))
        }
        Segment::Enum { .. } | Segment::Unknown => String::new(),
    };
    path.iter().map(part).collect()
}
