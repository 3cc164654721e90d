//! Lambda function `get_jwks`.

use shared::bootstrap::Needs;

fn main() -> Result<(), lambda_http::Error> {
    shared::bootstrap::serve_with(Needs::Secret, |app, call| Box::pin(get_jwks::handle(app, call)))
}
