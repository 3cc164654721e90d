//! One request: its parts as typed values, or a problem. Handlers check in the order of the contract: size and content
//! type, authentication, role, body, ownership.

use super::{Problem, answer::body, parse_error};
use crate::{
    config::Config,
    deadline,
    domain::{
        id::{InvalidId, UserId},
        limit::Address,
        text::Label,
        time::Timestamp,
    },
    store::idempotency::Idempotent,
};
use aws_lc_rs::{constant_time::verify_slices_are_equal, digest};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use lambda_http::{Body, Request, RequestExt, http::Method, request::RequestContext};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeOwned, MapAccess, Visitor, value::MapAccessDeserializer},
};
use std::{fmt, marker::PhantomData, ops::RangeInclusive, str::FromStr, time::Duration};

/// Bodies above this many bytes are refused before they are parsed.
pub const MAX_BODY_BYTES: usize = 64 * 1024;
/// The header in which the content delivery network in front shows its secret: CloudFront by template.yaml.
const ORIGIN_SECRET: &str = "x-origin-secret";
const MAX_IDEMPOTENCY_KEY: usize = 255;
const MAX_LIMIT: i32 = 100;
const LIMIT_DEFAULT: i32 = 50;

/// A request with its id.
pub struct Call {
    request: Request,
    request_id: String,
}

/// A body that is small enough and JSON by its content type. It is not parsed yet.
#[derive(Debug)]
pub struct Payload<'a>(&'a [u8]);

impl Call {
    /// Wraps a request as API Gateway sends it.
    pub fn new(request: Request) -> Self {
        let request_id = match request.request_context_ref() {
            Some(RequestContext::ApiGatewayV2(context)) => context.request_id.clone(),
            _ => None,
        };
        // The id goes into a header, which takes visible ASCII only.
        let request_id = request_id.filter(|id| !id.is_empty() && id.bytes().all(|b| b.is_ascii_graphic()));
        Call { request, request_id: request_id.unwrap_or_else(|| "unknown".to_owned()) }
    }

    /// How long the request may still take: a little less than Lambda leaves the function.
    pub fn time_left(&self, now: Timestamp) -> Duration {
        deadline::time_left(self.request.lambda_context_ref().map(|context| context.deadline), now)
    }

    /// The id that the answer carries as `x-request-id`.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// The route of the template that API Gateway chose, as in `GET /api/v1/queues/{queueId}`.
    pub fn route(&self) -> &str {
        match self.request.request_context_ref() {
            Some(RequestContext::ApiGatewayV2(context)) => context.route_key.as_deref().unwrap_or_default(),
            _ => "",
        }
    }

    /// X-Ray's id of the trace, if Lambda gave one.
    pub fn trace_id(&self) -> Option<&str> {
        self.request.lambda_context_ref().and_then(|context| context.xray_trace_id.as_deref())
    }

    /// The method.
    pub fn method(&self) -> &Method {
        self.request.method()
    }

    /// Whether this is a HEAD, which is answered like a GET and without a body. It must change nothing.
    pub fn is_head(&self) -> bool {
        self.method() == Method::HEAD
    }

    /// The path of the URL, with its escapes.
    pub fn url_path(&self) -> &str {
        self.request.uri().path()
    }

    /// This path and query with another value for one parameter, for links to further pages.
    pub fn path_with(&self, name: &str, value: &str) -> String {
        let uri = self.request.uri();
        let query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
        let others = query.filter(|(other, _)| other != name);
        let query =
            form_urlencoded::Serializer::new(String::new()).extend_pairs(others).append_pair(name, value).finish();
        format!("{}?{query}", uri.path())
    }

    /// Refuses a request that goes around the content delivery network, and with it around its firewall. Where there is no
    /// secret, every request may.
    pub fn came_through_front(&self, secret: Option<&str>) -> Result<(), Problem> {
        let Some(secret) = secret else { return Ok(()) };
        let shown = self.header(ORIGIN_SECRET).unwrap_or_default();
        verify_slices_are_equal(shown.as_bytes(), secret.as_bytes()).map_err(|_| Problem::around_front())
    }

    /// The value of a header, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.request.headers().get(name)?.to_str().ok()
    }

    /// The client's address, as the deployment's proxies report it.
    pub fn address(&self, config: &Config) -> Address {
        let peer = match self.request.request_context_ref() {
            Some(RequestContext::ApiGatewayV2(context)) => context.http.source_ip.as_deref(),
            _ => None,
        };
        let forwarded = self.header("x-forwarded-for").unwrap_or_default();
        Address::of_client(peer, forwarded, config.proxies_in_front)
    }

    /// The body, after the checks of its size (413) and content type (415).
    pub fn payload(&self) -> Result<Payload<'_>, Problem> {
        self.payload_within(MAX_BODY_BYTES)
    }

    /// The body of a route that takes bodies of up to `most` bytes.
    pub fn payload_within(&self, most: usize) -> Result<Payload<'_>, Problem> {
        let bytes: &[u8] = match self.request.body() {
            Body::Text(text) => text.as_bytes(),
            Body::Binary(bytes) => bytes,
            _ => &[],
        };
        if bytes.len() > most {
            return Err(Problem::too_large(most));
        }
        if !is_json(self.header("content-type").unwrap_or_default()) {
            return Err(Problem::unsupported_media_type());
        }
        Ok(Payload(bytes))
    }

    /// The body of a route whose fields are all optional. An empty body counts as an empty object, whatever its content
    /// type.
    pub fn optional_payload(&self) -> Result<Payload<'_>, Problem> {
        if self.request.body().is_empty() { Ok(Payload(b"{}")) } else { self.payload() }
    }

    /// An id in the path.
    pub fn path<T: FromStr<Err = InvalidId>>(&self, name: &str) -> Result<T, Problem> {
        let parameters = self.request.path_parameters_ref();
        let text = parameters.and_then(|p| p.first(name)).unwrap_or_default();
        text.parse().map_err(|InvalidId(rule)| Problem::invalid(name, rule))
    }

    /// An id in the query, if it is there.
    pub fn query<T: FromStr<Err = InvalidId>>(&self, name: &str) -> Result<Option<T>, Problem> {
        self.query_with(name, |text| text.parse().map_err(|InvalidId(rule)| rule.to_owned()))
    }

    /// A parameter of the query, if it is there, parsed by `read`. A parameter that appears twice is refused: a proxy
    /// in front may have judged the request by the other value.
    pub fn query_with<T>(&self, name: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<Option<T>, Problem> {
        let values = self.request.query_string_parameters_ref().and_then(|p| p.all(name)).unwrap_or_default();
        let value = match values[..] {
            [] => Ok(None),
            [text] => read(text).map(Some),
            _ => Err("appears twice".to_owned()),
        };
        value.map_err(|detail| Problem::invalid(name, detail))
    }

    /// A label in the query, if it is there. A text that is not a valid label is refused, since it would match no
    /// concert.
    pub fn label(&self, name: &str) -> Result<Option<String>, Problem> {
        self.query_with(name, |text| {
            Label::parse(text.to_owned()).map(Label::into_string).map_err(|rule| rule.to_string())
        })
    }

    /// `?limit=`: 1 to 100, 50 by default.
    pub fn limit(&self) -> Result<i32, Problem> {
        Ok(self.limit_within(MAX_LIMIT)?.unwrap_or(LIMIT_DEFAULT))
    }

    /// `?limit=`, if it is there, for a list whose pages have at most `most` items.
    pub fn limit_within(&self, most: i32) -> Result<Option<i32>, Problem> {
        self.number_within("limit", 1..=most)
    }

    /// A number in the query, if it is there.
    pub fn number_within<T: FromStr + PartialOrd + fmt::Display>(
        &self,
        name: &str,
        range: RangeInclusive<T>,
    ) -> Result<Option<T>, Problem> {
        self.query_with(name, |text| match text.parse() {
            // `parse` also accepts a plus sign.
            Ok(number) if range.contains(&number) && !text.starts_with('+') => Ok(number),
            _ => Err(format!("must be from {} to {}", range.start(), range.end())),
        })
    }

    /// The `Idempotency-Key`, if there is one, scoped to the caller and the route. `request` holds all that the request
    /// means, so that a key that is used again for another request is refused.
    pub fn idempotent<T: Serialize>(
        &self,
        caller: UserId,
        route: &str,
        request: &T,
    ) -> Result<Option<Idempotent>, Problem> {
        let Some(value) = self.request.headers().get("idempotency-key") else { return Ok(None) };
        let visible = value.as_bytes().iter().all(u8::is_ascii_graphic);
        let key = value.to_str().ok().filter(|key| visible && (1..=MAX_IDEMPOTENCY_KEY).contains(&key.len()));
        let key =
            key.ok_or_else(|| Problem::invalid("Idempotency-Key", "must be 1 to 255 visible ASCII characters"))?;
        let digest = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, text.as_bytes()));
        Ok(Some(Idempotent { caller, key: digest(&format!("{route}\n{key}")), fingerprint: digest(&body(request)) }))
    }
}

/// Whether a content type is JSON in UTF-8, the only encoding of RFC 8259. A body in another one would be misread.
fn is_json(content_type: &str) -> bool {
    let mut parts = content_type.split(';');
    let json = parts.next().is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case("application/json"));
    let utf8 = |charset: &str| ["utf-8", "utf8"].iter().any(|name| charset.eq_ignore_ascii_case(name));
    json && parts
        .filter_map(|parameter| parameter.split_once('='))
        .all(|(name, value)| !name.trim().eq_ignore_ascii_case("charset") || utf8(value.trim().trim_matches('"')))
}

impl Payload<'_> {
    /// Parses the body. Unknown and repeated fields, wrong types and values out of range are 400 with a pointer.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let mut json = serde_json::Deserializer::from_slice(self.0);
        let Object(value) = serde_path_to_error::deserialize(&mut json).map_err(parse_error::problem)?;
        json.end().map_err(|_| Problem::invalid("", "there is something behind the JSON value"))?;
        Ok(value)
    }
}

/// A value that must be a JSON object: serde's derived types would also accept an array of their fields.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("must be an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}
