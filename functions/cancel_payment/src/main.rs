//! Lambda function `cancel_payment`.

fn main() -> Result<(), shared::bootstrap::Error> {
    cancel_payment::run()
}
