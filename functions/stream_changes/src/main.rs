//! Lambda function `stream_changes`.

fn main() -> Result<(), shared::bootstrap::Error> {
    stream_changes::run()
}
