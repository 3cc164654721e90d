//! Tests of what only AWS reads: CloudFront, and the parameters for its console and the guide.

use super::*;
use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn json() -> Value {
    yaml::to_json(&read(FILE_NAME)).expect("YAML")
}

fn texts(list: &Value) -> BTreeSet<&str> {
    list.as_array().expect("a list").iter().filter_map(Value::as_str).collect()
}

/// The functions of public documents: everybody may get them, and caches may keep them.
const PUBLIC: [&str; 7] =
    ["describe_api", "get_availability", "get_concert", "get_jwks", "get_queue", "list_dates", "show_docs"];
/// The policies of AWS named `CachingDisabled` and `AllViewerExceptHostHeader`.
const PASS_ALL: [&str; 2] = ["4135ea2d-6df8-44a3-9df3-4b5a84be39ad", "b689b0a8-53d0-40ab-baf2-68738e2966ac"];
/// `CORS-S3Origin`: `Origin`, `Access-Control-Request-Method` and `Access-Control-Request-Headers`.
const PREFLIGHT: &str = "88a5eaf4-2fd4-4709-b370-b4c650ea3fcf";

/// The cache behaviours, also those under a condition.
fn behaviours(distribution: &Value) -> Vec<&Value> {
    let all = distribution["CacheBehaviors"].as_array().expect("a list");
    all.iter().map(|each| each.get("Fn::If").map_or(each, |choice| &choice[1])).collect()
}

#[test]
fn cloudfront_keeps_the_public_documents_and_nothing_else() {
    let json = json();
    let distribution = &json["Resources"]["Distribution"]["Properties"]["DistributionConfig"];
    let behaviours = behaviours(distribution);
    let kept = |path: &str| {
        let patterns = behaviours.iter().filter_map(|each| each["PathPattern"].as_str());
        patterns.into_iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(prefix) => path.starts_with(prefix),
            None => path == pattern,
        })
    };
    for route in &real().routes {
        if let RouteKey::Path { path, .. } = &route.key
            && route.function != "reject_route"
        {
            assert_eq!(kept(path), PUBLIC.contains(&&*route.function), "{} {path}", route.function);
        }
    }
    let default = &distribution["DefaultCacheBehavior"];
    assert_eq!([&default["CachePolicyId"], &default["OriginRequestPolicyId"]], PASS_ALL);
    for behaviour in behaviours {
        let (path, methods) = (&behaviour["PathPattern"], texts(&behaviour["AllowedMethods"]));
        assert_eq!(behaviour["CachePolicyId"]["Ref"], "PublicDocuments", "{path}");
        assert_eq!(behaviour["OriginRequestPolicyId"], PREFLIGHT, "{path}: what a preflight asks for passes");
        assert_eq!(methods.len(), 7, "{path}: a method that it has not is 405 from the API");
        assert_eq!(behaviour["CachedMethods"], Value::Null, "{path}: GET and HEAD, the default");
    }
}

#[test]
fn cloudfronts_key_has_what_public_documents_differ_by_and_no_token() {
    let json = json();
    let policy = &json["Resources"]["PublicDocuments"]["Properties"]["CachePolicyConfig"];
    assert_eq!([&policy["MinTTL"], &policy["DefaultTTL"]], [0, 0], "what is no-store, or says nothing, is not kept");
    let key = &policy["ParametersInCacheKeyAndForwardedToOrigin"];
    assert_eq!(key["HeadersConfig"]["Headers"], serde_json::json!(["Origin"]));
    assert_eq!(key["CookiesConfig"]["CookieBehavior"], "none");
    let api: Value = serde_json::from_str(&read("functions/describe_api/openapi.json")).expect("JSON");
    let mut read_by_documents = BTreeSet::new();
    for route in real().routes.iter().filter(|route| PUBLIC.contains(&&*route.function)) {
        let RouteKey::Path { path, .. } = &route.key else { continue };
        let parameters = api["paths"][path]["get"]["parameters"].as_array().cloned().unwrap_or_default();
        // Those of several routes are references.
        let parameters = parameters.iter().map(|parameter| {
            let reference = parameter["$ref"].as_str().and_then(|text| text.strip_prefix('#'));
            reference.map_or(parameter, |pointer| api.pointer(pointer).expect("in the document")).clone()
        });
        let queries = parameters.filter(|parameter| parameter["in"] == "query");
        read_by_documents.extend(queries.filter_map(|parameter| parameter["name"].as_str().map(str::to_owned)));
    }
    let queries = texts(&key["QueryStringsConfig"]["QueryStrings"]);
    assert_eq!(queries, read_by_documents.iter().map(String::as_str).collect());
}

#[test]
fn cloudfront_keeps_no_error() {
    let json = json();
    let errors = &json["Resources"]["Distribution"]["Properties"]["DistributionConfig"]["CustomErrorResponses"];
    let errors = errors.as_array().expect("a list");
    assert!(errors.iter().all(|error| error["ErrorCachingMinTTL"] == 0));
    let codes: Vec<_> = errors.iter().filter_map(|error| error["ErrorCode"].as_u64()).collect();
    assert_eq!(codes, [400, 403, 404, 405, 414, 500, 501, 502, 503, 504], "the codes that it keeps whatever they say");
}

#[test]
fn each_parameter_is_described_grouped_for_the_console_and_in_the_guide() {
    let json = json();
    let groups = &json["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"];
    let mut grouped: Vec<_> =
        groups.as_array().expect("a list").iter().flat_map(|it| texts(&it["Parameters"])).collect();
    grouped.sort_unstable();
    assert_eq!(grouped, real().parameters.keys().collect::<Vec<_>>());
    let guide = read("infra/docs/operating.md");
    for name in grouped {
        assert!(json["Parameters"][name]["Description"].is_string(), "{name}: no description");
        assert!(guide.lines().any(|line| line.starts_with('|') && line.contains(&format!("`{name}`"))), "{name}");
    }
}
