//! Converts a function's answer to the response of an HTTP API, payload format 2.0.

use std::collections::BTreeMap;

use axum::{
    body::Body,
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode,
        header::{CONTENT_TYPE, SET_COOKIE},
    },
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    status_code: u16,
    #[serde(default)]
    headers: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    multi_value_headers: Option<BTreeMap<String, Vec<Value>>>,
    #[serde(default)]
    cookies: Option<Vec<String>>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

/// Returns the response that `answer` to a request of this method describes; `None` if it is not valid.
pub fn response(answer: &[u8], method: &Method) -> Option<Response<Body>> {
    let json: Value = serde_json::from_slice(answer).ok()?;
    if json.get("statusCode").is_none() {
        // As API Gateway does: an answer without a status code is the body of a 200.
        let mut response = Response::new(Body::from(json.to_string()));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        return Some(response);
    }
    let answer: Answer = serde_json::from_value(json).ok()?;
    let body = answer.body.unwrap_or_default();
    let body = if answer.is_base64_encoded { STANDARD.decode(body).ok()? } else { body.into_bytes() };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(answer.status_code).ok()?;
    let headers = response.headers_mut();
    for (name, values) in answer.multi_value_headers.unwrap_or_default() {
        for value in values {
            append(headers, &name, &value, method)?;
        }
    }
    for (name, value) in answer.headers.unwrap_or_default() {
        // A header that is also in `multiValueHeaders` must not be sent twice.
        if !headers.contains_key(&name) {
            append(headers, &name, &value, method)?;
        }
    }
    for cookie in answer.cookies.unwrap_or_default() {
        headers.append(SET_COOKIE, HeaderValue::from_str(&cookie).ok()?);
    }
    Some(response)
}

fn append(headers: &mut HeaderMap, name: &str, value: &Value, method: &Method) -> Option<()> {
    let value = match value {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    let name: HeaderName = name.parse().ok()?;
    // The server sets the length from the body; the function's own value could contradict it. The answer to HEAD has no
    // body, and only the function knows the length.
    if (name != "content-length" || method == Method::HEAD) && name != "transfer-encoding" {
        headers.append(name, HeaderValue::from_str(&value).ok()?);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_cookies_and_status_are_taken_over() {
        let answer =
            br#"{"statusCode":201,"headers":{"X-A":"1","x-n":7},"multiValueHeaders":{"x-a":["1"],"x-m":["p","q"]},
            "cookies":["a=1","b=2"],"body":"hi"}"#;
        let response = response(answer, &Method::GET).expect("a response");
        let all = |name: &str| response.headers().get_all(name).iter().collect::<Vec<_>>();
        assert_eq!(response.status(), StatusCode::CREATED);
        assert_eq!((all("x-a").len(), all("x-m").len(), all("set-cookie").len()), (1, 2, 2));
        assert_eq!(all("x-n"), ["7"]);
    }

    #[tokio::test]
    async fn a_binary_body_is_decoded() {
        let answer =
            br#"{"statusCode":200,"headers":{"content-encoding":"gzip"},"isBase64Encoded":true,"body":"H4sA/w=="}"#;
        let response = response(answer, &Method::GET).expect("a response");
        assert_eq!(response.headers()["content-encoding"], "gzip");
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.expect("a body");
        assert_eq!(body[..], [0x1f, 0x8b, 0x00, 0xff]);
    }

    #[test]
    fn an_invalid_answer_is_no_response_and_plain_json_is_a_body() {
        let response = |answer| response(answer, &Method::GET);
        assert!(response(b"not json").is_none());
        assert!(response(br#"{"statusCode":99}"#).is_none());
        assert!(response(br#"{"statusCode":200,"isBase64Encoded":true,"body":"?"}"#).is_none());
        assert_eq!(response(br#"{"plain":true}"#).expect("a body").status(), StatusCode::OK);
    }

    #[test]
    fn only_the_answer_to_head_has_the_functions_own_length() {
        let answer = br#"{"statusCode":200,"headers":{"content-length":"268380"}}"#;
        let length = |method| response(answer, &method).expect("a response").headers().get("content-length").cloned();
        assert_eq!(length(Method::HEAD).expect("a length"), "268380");
        assert_eq!(length(Method::GET), None);
    }
}
