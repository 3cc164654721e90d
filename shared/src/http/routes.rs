//! Requests that no function of their own answers: unknown paths, methods that a path does not have, and OPTIONS.

use super::{
    Answer, Call, Problem,
    answer::{no_content, with_header},
};
use crate::domain::refusal::Refusal;
use lambda_http::http::Method;
use percent_encoding::percent_decode_str;
use std::collections::BTreeSet;

/// A method and a path, with `{name}` for a segment that is a parameter.
pub type Route = (&'static str, &'static str);

/// Answers a request that API Gateway routes to no other function: 404 for an unknown path, else 405 with the methods
/// that the path has; 204 for OPTIONS, which is how a browser asks before a page of another origin may send.
///
/// # Errors
/// The 404.
pub fn reject(call: &Call, routes: &[Route]) -> Answer {
    let matching: Vec<&Route> = routes.iter().filter(|(_, pattern)| matches(pattern, call.url_path())).collect();
    // The most specific pattern names the path: /reservations/dates is not a reservation with the id "dates".
    let parameters = |pattern: &str| pattern.matches('{').count();
    let fewest = matching.iter().map(|(_, pattern)| parameters(pattern)).min();
    let named = matching.into_iter().filter(|(_, pattern)| Some(parameters(pattern)) == fewest);
    let mut methods: BTreeSet<&str> = named.map(|(method, _)| *method).collect();
    // A method that the path has would have been routed to its function, if the gateway read the path the same way.
    if methods.is_empty() || methods.contains(call.method().as_str()) {
        return Err(Refusal::RouteNotFound.into());
    }
    methods.insert(Method::OPTIONS.as_str());
    let allow = methods.into_iter().collect::<Vec<_>>().join(", ");
    let answer = if call.method() == Method::OPTIONS {
        no_content()
    } else {
        Problem::method_not_allowed().into_response(call.request_id())
    };
    Ok(with_header(answer, "allow", allow))
}

/// Whether API Gateway takes `path` for the path of a route. A parameter is never empty.
fn matches(pattern: &str, path: &str) -> bool {
    let (mut expected, mut given) = (pattern.split('/'), path.split('/'));
    loop {
        match (expected.next(), given.next()) {
            (None, None) => return true,
            (Some(expected), Some(given)) => {
                let fits = if expected.starts_with('{') {
                    !given.is_empty()
                } else {
                    percent_decode_str(given).decode_utf8_lossy() == expected
                };
                if !fits {
                    return false;
                }
            }
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_path_matches_segment_by_segment() {
        for (pattern, path) in
            [("/a/{b}", "/a/7"), ("/a/{b}", "/a/%2F"), ("/a/{b}/c", "/a/x/%63"), ("/a", "/a"), ("/", "/")]
        {
            assert!(matches(pattern, path), "{pattern} {path}");
        }
        for (pattern, path) in [
            ("/a/{b}", "/a/"),
            ("/a/{b}", "/a"),
            ("/a/{b}", "/a/7/"),
            ("/a/{b}/c", "/a/x/d"),
            ("/a", "/A"),
            ("/a", "/"),
            ("/a", ""),
        ] {
            assert!(!matches(pattern, path), "{pattern} {path}");
        }
    }
}
