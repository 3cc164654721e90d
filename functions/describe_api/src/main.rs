//! Lambda function `describe_api`.

fn main() -> Result<(), shared::bootstrap::Error> {
    describe_api::run()
}
