//! Lambda function `list_deliveries`.

fn main() -> Result<(), shared::bootstrap::Error> {
    list_deliveries::run()
}
