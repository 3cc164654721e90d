//! The layer around every handler: what HTTP asks of an answer, whatever the route (infra/adr/0016-web-layer.md).

pub mod coding;
pub mod condition;
mod cors;

use super::{Call, documents::Document};
use crate::app::App;
use coding::Accepted;
use lambda_http::{
    Body, Response,
    http::{HeaderValue, StatusCode, header},
};
use std::sync::Arc;

/// The request headers that answers depend on. On every answer, so that no cache gives one to another origin, or gzip
/// to a client that cannot read it.
const VARY: &str = "Accept-Encoding, Origin";

/// Finishes an answer: 304 where the client has the document, gzip, no body for HEAD, and the headers of every answer.
pub fn finish(app: &App, call: &Call, mut response: Response<Body>) -> Response<Body> {
    let document = response.extensions_mut().remove::<Arc<Document>>();
    if is_unmodified(call, &response) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response.headers_mut().remove(header::CONTENT_TYPE);
    } else {
        encode(call, &mut response, document.as_deref());
    }
    let status = response.status();
    let headers = response.headers_mut();
    // An answer is for the caller alone unless it says otherwise: a cache in front could show it to another fan.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::VARY, HeaderValue::from_static(VARY));
    if let Ok(id) = HeaderValue::from_str(call.request_id()) {
        headers.insert("x-request-id", id);
    }
    cors::add_headers(app, call, status, headers);
    response
}

/// Whether the client already has the document of an answer, as its `If-None-Match` says.
fn is_unmodified(call: &Call, response: &Response<Body>) -> bool {
    let tag = response.headers().get(header::ETAG).and_then(|tag| tag.to_str().ok());
    let known = call.header("if-none-match").zip(tag).is_some_and(|(named, tag)| condition::names(named, tag));
    known && response.status() == StatusCode::OK
}

/// Puts the body into the encoding that the client prefers. For HEAD, leaves of it only the length.
fn encode(call: &Call, response: &mut Response<Body>, document: Option<&Document>) {
    let accepted = Accepted::of(call.header("accept-encoding"));
    let gzip = match document {
        Some(document) => {
            let gzip = accepted.prefers_gzip(document.json().len());
            *response.body_mut() =
                if gzip { document.gzip().to_vec().into() } else { document.json().to_owned().into() };
            gzip
        }
        None if response.headers().contains_key(header::CONTENT_ENCODING) => false,
        None => {
            let gzip = accepted.prefers_gzip(response.body().len());
            if gzip {
                *response.body_mut() = Body::Binary(coding::gzip_once(response.body()));
            }
            gzip
        }
    };
    if gzip {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    if call.is_head() {
        let length = response.body().len();
        *response.body_mut() = Body::Empty;
        response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    }
}
