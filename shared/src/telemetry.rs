//! JSON lines on standard output: one for each failure or warning, and one [`line`] for each invocation, with its
//! metrics.

mod consumption;
pub mod line;
pub mod meter;
pub mod metric;

pub use consumption::counted;

use std::{env, error::Error};
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

/// Starts logging at the level of `RUST_LOG` (`info` where it is not set). A second call does nothing.
pub fn init() {
    let asked: Option<Targets> = env::var("RUST_LOG").ok().and_then(|text| text.parse().ok());
    let filter = asked.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
    let lines = tracing_subscriber::fmt::layer().json().with_ansi(false).with_current_span(false);
    let logger = tracing_subscriber::registry().with(filter).with(lines);
    // It fails in a test that runs several functions in one process: the logger is set already.
    let _ = logger.try_init();
}

/// An error with the errors that it came from, as the log shows it: `database unavailable: get: no connection: io error`.
/// The SDK's errors repeat their sources; what the text ends with already is left out.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let (mut text, mut next) = (error.to_string(), error.source());
    while let Some(source) = next {
        let source_text = source.to_string();
        if !text.ends_with(&source_text) {
            text += &format!(": {source_text}");
        }
        next = source.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Failure, request::store_error};
    use aws_sdk_dynamodb::{
        error::{ConnectorError, ErrorMetadata, SdkError},
        operation::get_item::GetItemError,
    };
    use std::io;

    fn logged(error: SdkError<GetItemError, &'static str>) -> String {
        chain(&Failure::from(store_error("get", error)))
    }

    #[test]
    fn a_failed_request_is_logged_with_what_it_came_from() {
        let refused = io::Error::new(io::ErrorKind::ConnectionRefused, "connection refused");
        let text = logged(SdkError::dispatch_failure(ConnectorError::io(refused.into())));
        assert_eq!(text, "database unavailable: get: no connection: io error: connection refused");
    }

    #[test]
    fn a_refused_request_is_logged_with_its_message_and_without_the_raw_answer() {
        let metadata = ErrorMetadata::builder().code("ValidationException").message("an empty key").build();
        let text = logged(SdkError::service_error(GetItemError::generic(metadata), "the raw answer"));
        assert!(text.starts_with("database request failed: get: ValidationException: "), "{text}");
        assert!(text.contains("an empty key") && !text.contains("raw"), "{text}");
    }
}
