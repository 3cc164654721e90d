//! Lambda function `delete_webhook`.

fn main() -> Result<(), shared::bootstrap::Error> {
    delete_webhook::run()
}
