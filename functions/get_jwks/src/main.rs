//! Lambda function `get_jwks`.

fn main() -> Result<(), shared::bootstrap::Error> {
    get_jwks::run()
}
