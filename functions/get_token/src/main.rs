//! Lambda function `get_token`.

fn main() -> Result<(), shared::bootstrap::Error> {
    get_token::run()
}
