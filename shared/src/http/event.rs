//! Makes the event of a request safe for `lambda_http` to read.

use base64::{Engine, prelude::BASE64_STANDARD};
use lambda_http::{http::header, request::LambdaRequest};

/// The most bytes of a path or query; the rest is cut off. API Gateway refuses a request line with headers above 10,240
/// bytes. Escaping makes them at most three times as long, which is still a valid URI.
const MAX_PATH_OR_QUERY_BYTES: usize = 10_240;

/// Removes from an event what `lambda_http` panics at: an invalid scheme or host (nothing here reads them), a path that
/// does not start with a slash, a path or query that is not escaped or too long, and the mark of a body as base64 that
/// is not.
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

/// Percent-encodes the characters that a path or query must not contain. Escapes in the text stay as they are.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes().take(MAX_PATH_OR_QUERY_BYTES) {
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
    fn only_characters_that_a_path_or_query_must_not_contain_are_escaped() {
        assert_eq!(escaped("a=1&b=%20x+y&c=[]'~"), "a=1&b=%20x+y&c=[]'~");
        assert_eq!(escaped("a=<b> \"\u{e4}\""), "a=%3Cb%3E%20%22%C3%A4%22");
    }
}
