//! Lambda function `configure_queue`.

fn main() -> Result<(), shared::bootstrap::Error> {
    configure_queue::run()
}
