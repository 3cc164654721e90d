//! Lambda function `get_concert`.

fn main() -> Result<(), shared::bootstrap::Error> {
    get_concert::run()
}
