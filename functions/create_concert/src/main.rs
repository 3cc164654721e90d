//! Lambda function `create_concert`.

fn main() -> Result<(), shared::bootstrap::Error> {
    create_concert::run()
}
