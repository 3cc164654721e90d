//! Lambda function `get_jwks`.

fn main() -> Result<(), lambda_http::Error> {
    shared::bootstrap::serve(|app, call| Box::pin(get_jwks::handle(app, call)))
}
