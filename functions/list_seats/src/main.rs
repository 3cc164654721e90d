//! Lambda function `list_seats`.

fn main() -> Result<(), shared::bootstrap::Error> {
    list_seats::run()
}
