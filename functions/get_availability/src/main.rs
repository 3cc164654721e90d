//! Lambda function `get_availability`.

fn main() -> Result<(), shared::bootstrap::Error> {
    get_availability::run()
}
