//! Lambda function `get_reservation`.

fn main() -> Result<(), shared::bootstrap::Error> {
    get_reservation::run()
}
