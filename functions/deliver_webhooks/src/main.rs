//! Lambda function `deliver_webhooks`.

fn main() -> Result<(), shared::bootstrap::Error> {
    deliver_webhooks::run()
}
