//! Lambda function `get_jwks`.

fn main() -> Result<(), lambda_http::Error> {
    shared::bootstrap::serve_without_tables(|app, call| Box::pin(get_jwks::handle(app, call)))
}
