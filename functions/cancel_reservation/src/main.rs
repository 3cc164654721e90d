//! Lambda function `cancel_reservation`.

fn main() -> Result<(), shared::bootstrap::Error> {
    cancel_reservation::run()
}
