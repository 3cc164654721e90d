//! Logs: one JSON line each, on standard output.

use tracing_subscriber::EnvFilter;

/// Starts logging at the level of `RUST_LOG` (`info` where it is not set). A second call does nothing.
pub fn init() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let logger = tracing_subscriber::fmt().json().with_env_filter(filter).with_ansi(false).with_current_span(false);
    // It fails in a test that runs several functions in one process: the logger is set already.
    let _ = logger.try_init();
}
