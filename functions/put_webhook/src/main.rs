//! Lambda function `put_webhook`.

fn main() -> Result<(), shared::bootstrap::Error> {
    put_webhook::run()
}
