//! The JSON protocol that the services speak: requests, answers and errors.

use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};

/// The prefix of DynamoDB's operations in `x-amz-target`.
pub const DYNAMODB: &str = "DynamoDB_20120810";
/// The prefix of SQS's operations in `x-amz-target`.
pub const SQS: &str = "AmazonSQS";

/// The prefix of Secrets Manager's operations in `x-amz-target`.
pub const SECRETS: &str = "secretsmanager";

/// A service's answer: an HTTP status and a JSON body.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The answer, or the error with its `__type`.
    pub body: Value,
}

/// Service ([`DYNAMODB`], [`SQS`] or [`SECRETS`]), operation and JSON body of a request.
///
/// # Errors
/// For a request to another service, or without a JSON body in memory.
pub fn parse(request: &HttpRequest) -> Result<(&str, &str, Value), ConnectorError> {
    let misuse = |text: &str| ConnectorError::user(text.into());
    let (service, operation) = request
        .headers()
        .get("x-amz-target")
        .and_then(|target| target.split_once('.'))
        .filter(|(service, _)| [DYNAMODB, SQS, SECRETS].contains(service))
        .ok_or_else(|| misuse("the embedded world serves DynamoDB, SQS and Secrets Manager over JSON only"))?;
    let body = request
        .body()
        .bytes()
        .and_then(|bytes| serde_json::from_slice(bytes).ok())
        .ok_or_else(|| misuse("the request's body is not JSON in memory"))?;
    Ok((service, operation, body))
}

/// The HTTP response with an answer.
///
/// # Errors
/// If the status is not an HTTP status.
pub fn respond(answer: &Answer) -> Result<HttpResponse, ConnectorError> {
    let status = answer.status.try_into().map_err(|error| ConnectorError::other(Box::new(error), None))?;
    let mut response = HttpResponse::new(status, SdkBody::from(answer.body.to_string()));
    response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
    Ok(response)
}

/// An error of a service.
pub fn error(status: u16, kind: &str, message: &str) -> Answer {
    Answer { status, body: json!({"__type": kind, "message": message}) }
}
