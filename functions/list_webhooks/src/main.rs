//! Lambda function `list_webhooks`.

fn main() -> Result<(), shared::bootstrap::Error> {
    list_webhooks::run()
}
