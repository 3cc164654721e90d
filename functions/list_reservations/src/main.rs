//! Lambda function `list_reservations`.

fn main() -> Result<(), shared::bootstrap::Error> {
    list_reservations::run()
}
