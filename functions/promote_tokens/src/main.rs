//! Lambda function `promote_tokens`.

fn main() -> Result<(), shared::bootstrap::Error> {
    promote_tokens::run()
}
