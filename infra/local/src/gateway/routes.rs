//! Finds the function for a request by API Gateway's rules: the more literal path wins, a method beats `ANY`, and
//! `$default` gets the rest.

use std::collections::BTreeMap;

use axum::http::Method;
use percent_encoding::percent_decode_str;
use template::{Route, RouteKey};

/// All routes, the most specific first.
pub struct Routes {
    paths: Vec<PathRoute>,
    default: Option<String>,
}

struct PathRoute {
    key: String,
    method: String,
    segments: Vec<Segment>,
    function: String,
}

enum Segment {
    Literal(String),
    /// `{name}`
    Parameter(String),
    /// `{name+}`: this segment and all that follow.
    Rest(String),
}

/// The route of a request.
#[derive(Debug, PartialEq, Eq)]
pub struct Matched<'a> {
    /// API Gateway's route key: `GET /api/v1/tokens/{userId}` or `$default`.
    pub key: &'a str,
    /// The function's name.
    pub function: &'a str,
    /// The path parameters, decoded.
    pub parameters: BTreeMap<String, String>,
}

impl Routes {
    /// The routes of a template.
    pub fn new(routes: &[Route]) -> Self {
        let mut paths = Vec::new();
        let mut default = None;
        for route in routes {
            match &route.key {
                RouteKey::Default => default = Some(route.function.clone()),
                RouteKey::Path { method, path } => paths.push(PathRoute {
                    key: route.key.to_string(),
                    method: method.clone(),
                    segments: split(path).map(segment).collect(),
                    function: route.function.clone(),
                }),
            }
        }
        // Segment by segment, literals sort before parameters; for equal paths, `ANY` sorts last.
        paths.sort_by_key(|route| {
            let ranks: Vec<_> = route.segments.iter().map(Segment::rank).collect();
            (ranks, route.method == "ANY")
        });
        Self { paths, default }
    }

    /// Returns the route for `method` and `path` (still percent-encoded).
    pub fn find(&self, method: &Method, path: &str) -> Option<Matched<'_>> {
        for route in &self.paths {
            if (route.method == "ANY" || route.method == method.as_str())
                && let Some(parameters) = route.parameters(path)
            {
                return Some(Matched { key: &route.key, function: &route.function, parameters });
            }
        }
        let function = self.default.as_deref()?;
        Some(Matched { key: "$default", function, parameters: BTreeMap::new() })
    }
}

impl PathRoute {
    fn parameters(&self, path: &str) -> Option<BTreeMap<String, String>> {
        let mut parameters = BTreeMap::new();
        let mut given = split(path);
        for segment in &self.segments {
            match segment {
                Segment::Literal(text) => {
                    given.next().filter(|part| decode(part) == *text)?;
                }
                Segment::Parameter(name) => {
                    let part = given.next().filter(|part| !part.is_empty())?;
                    parameters.insert(name.clone(), decode(part));
                }
                Segment::Rest(name) => {
                    let rest: Vec<_> = given.by_ref().collect();
                    parameters.insert(name.clone(), decode(&rest.join("/")));
                }
            }
        }
        given.next().is_none().then_some(parameters)
    }
}

impl Segment {
    fn rank(&self) -> u8 {
        match self {
            Self::Literal(_) => 0,
            Self::Parameter(_) => 1,
            Self::Rest(_) => 2,
        }
    }
}

fn split(path: &str) -> impl Iterator<Item = &str> {
    path.strip_prefix('/').unwrap_or(path).split('/')
}

fn segment(part: &str) -> Segment {
    match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
        Some(name) => match name.strip_suffix('+') {
            Some(name) => Segment::Rest(name.to_owned()),
            None => Segment::Parameter(name.to_owned()),
        },
        None => Segment::Literal(part.to_owned()),
    }
}

fn decode(part: &str) -> String {
    percent_decode_str(part).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes() -> Routes {
        let path = |method: &str, path: &str, function: &str| Route {
            key: RouteKey::Path { method: method.to_owned(), path: path.to_owned() },
            function: function.to_owned(),
        };
        Routes::new(&[
            Route { key: RouteKey::Default, function: "rest".to_owned() },
            path("GET", "/r/{id}", "one"),
            path("GET", "/r/dates", "dates"),
            path("ANY", "/r/{id}", "any"),
            path("GET", "/r/{id}/seats", "seats"),
            path("GET", "/files/{path+}", "files"),
        ])
    }

    fn found(method: Method, path: &str) -> (String, Vec<String>) {
        let routes = routes();
        let matched = routes.find(&method, path).expect("there is a default");
        (matched.function.to_owned(), matched.parameters.into_values().collect())
    }

    #[test]
    fn literal_beats_parameter_and_method_beats_any() {
        assert_eq!(found(Method::GET, "/r/dates"), ("dates".into(), vec![]));
        assert_eq!(found(Method::GET, "/r/7"), ("one".into(), vec!["7".into()]));
        assert_eq!(found(Method::PUT, "/r/7"), ("any".into(), vec!["7".into()]));
        assert_eq!(found(Method::GET, "/r/7/seats"), ("seats".into(), vec!["7".into()]));
        assert_eq!(found(Method::GET, "/files/a/b"), ("files".into(), vec!["a/b".into()]));
    }

    #[test]
    fn parameters_are_decoded() {
        assert_eq!(found(Method::GET, "/r/a%2Fb%20c"), ("one".into(), vec!["a/b c".into()]));
    }

    #[test]
    fn everything_else_goes_to_the_default() {
        for path in ["/", "/r", "/r/", "/r/7/", "/r/7/seats/8", "//r/7", "/R/dates"] {
            assert_eq!(found(Method::GET, path).0, "rest", "{path}");
        }
        assert_eq!(found(Method::POST, "/r/7/seats").0, "rest");
    }
}
