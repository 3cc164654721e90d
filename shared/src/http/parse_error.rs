//! What is wrong with a body, in plain words. Serde's messages name Rust types and repeat the value that the client
//! sent, which may be a password or a token. So only errors that are known here are described; any other is just "not
//! valid".

use super::Problem;
use serde_path_to_error::{Path, Segment};

/// The most characters of a part of a pointer: a client chooses the name of an unknown field.
const MAX_NAME_CHARS: usize = 64;

/// Turns a parser's error into a problem. A rule that starts with `must` is our own, from a custom error or a visitor's
/// `expecting`, and is shown unchanged.
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
        // Serde puts what it expected last, so a value of the client cannot be taken for it.
        Problem::invalid(at, rule(what.rsplit_once(", expected ").map_or("", |(_, expected)| expected)))
    } else {
        Problem::invalid(at, rule(what))
    }
}

/// The rule, in words for the client, for what serde expected.
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
            let key: String = key.chars().take(MAX_NAME_CHARS).collect();
            format!("/{}", key.replace('~', "~0").replace('/', "~1"))
        }
        Segment::Enum { .. } | Segment::Unknown => String::new(),
    };
    path.iter().map(part).collect()
}
