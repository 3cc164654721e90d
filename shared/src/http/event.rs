//! The event of a request, made safe to read.

use lambda_http::{http::header, request::LambdaRequest};

/// Takes out of an event what `lambda_http` panics at when it builds the request's URI: a scheme or host that is none
/// (nothing here reads them), and characters of path and query that a client should have escaped.
pub fn tame(mut event: LambdaRequest) -> LambdaRequest {
    if let LambdaRequest::ApiGatewayV2(request) = &mut event {
        request.headers.remove("x-forwarded-proto");
        request.headers.remove(header::HOST);
        request.request_context.domain_name = None;
        for text in [&mut request.raw_path, &mut request.raw_query_string].into_iter().flatten() {
            *text = escaped(text);
        }
    }
    event
}

/// The text with everything percent-encoded that may not stand in a path or query. Escapes that are there stay.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
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
