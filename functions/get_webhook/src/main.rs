//! Lambda function `get_webhook`.

fn main() -> Result<(), shared::bootstrap::Error> {
    get_webhook::run()
}
