//! Lambda function `change_concert`.

fn main() -> Result<(), shared::bootstrap::Error> {
    change_concert::run()
}
