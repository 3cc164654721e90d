//! Lambda function `process_payment`.

fn main() -> Result<(), shared::bootstrap::Error> {
    process_payment::run()
}
