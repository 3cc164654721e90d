//! Finds the function that answers a request, as API Gateway does.

use crate::Request;
use serde_json::{Map, Value, json};
use template::{RouteKey, Template};

/// Finds the matching route with the fewest parameters; returns its key, the name of its function, and the parameters
/// of the path.
///
/// # Panics
/// Where nothing matches and the template has no default route.
pub fn route<'a>(template: &'a Template, request: &Request) -> (String, &'a str, Map<String, Value>) {
    let matching = template.routes.iter().filter_map(|route| match &route.key {
        RouteKey::Path { method, path } if method == request.method => Some((parameters(path, &request.path)?, route)),
        _ => None,
    });
    let found = matching.min_by_key(|(parameters, _)| parameters.len());
    let (parameters, route) = found.unwrap_or_else(|| {
        let default = template.routes.iter().find(|route| route.key == RouteKey::Default);
        (Map::new(), default.expect("the template has a default route"))
    });
    (route.key.to_string(), &route.function, parameters)
}

/// The parameters of a path; `None` if the path does not match the route's pattern.
fn parameters(pattern: &str, path: &str) -> Option<Map<String, Value>> {
    let (pattern, path): (Vec<&str>, Vec<&str>) = (pattern.split('/').collect(), path.split('/').collect());
    let mut parameters = Map::new();
    for (expected, part) in pattern.iter().zip(&path) {
        match expected.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(name) => {
                parameters.insert(name.to_owned(), json!(part));
            }
            None if expected == part => {}
            None => return None,
        }
    }
    (pattern.len() == path.len()).then_some(parameters)
}
