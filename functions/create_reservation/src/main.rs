//! Lambda function `create_reservation`.

fn main() -> Result<(), shared::bootstrap::Error> {
    create_reservation::run()
}
