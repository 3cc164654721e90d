//! The event of a request, made safe to read.

use base64::{Engine, prelude::BASE64_STANDARD};
use lambda_http::{http::header, request::LambdaRequest};

/// API Gateway takes no request line with headers above 10,240 bytes. Three times as much, escaped, still is a URI.
const LONGEST_PATH_OR_QUERY: usize = 10_240;

/// Takes out of an event what `lambda_http` panics at: a scheme or host that is none (nothing here reads them), a path
/// that does not start as one, characters of path and query that a client should have escaped or that are too many, and
/// a body that is not the base64 it claims to be.
pub fn sanitize(mut event: LambdaRequest) -> LambdaRequest {
    if let LambdaRequest::ApiGatewayV2(request) = &mut event {
        request.headers.remove("x-forwarded-proto");
        request.headers.remove(header::HOST);
        request.request_context.domain_name = None;
        if request.raw_path.as_ref().is_some_and(|path| !path.starts_with('/')) {
            request.raw_path = None;
        }
        for text in [&mut request.raw_path, &mut request.raw_query_string].into_iter().flatten() {
            *text = escaped(text);
        }
        let encoded = request.body.as_deref().filter(|_| request.is_base64_encoded);
        if encoded.is_some_and(|body| BASE64_STANDARD.decode(body).is_err()) {
            request.is_base64_encoded = false;
        }
    }
    event
}

/// The text with everything percent-encoded that may not stand in a path or query. Escapes that are there stay.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes().take(LONGEST_PATH_OR_QUERY) {
        match byte {
            b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' | b'#' => escape(&mut escaped, byte),
            0x21..=0x7e => escaped.push(char::from(byte)),
            _ => escape(&mut escaped, byte),
        }
    }
    escaped
}

fn escape(text: &mut String, byte: u8) {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    text.extend(['%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn only_what_may_not_stand_there_is_escaped() {
        assert_eq!(escaped("a=1&b=%20x+y&c=[]'~"), "a=1&b=%20x+y&c=[]'~");
        assert_eq!(escaped("a=<b> \"\u{e4}\""), "a=%3Cb%3E%20%22%C3%A4%22");
    }
}
