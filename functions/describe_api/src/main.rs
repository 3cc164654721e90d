//! Lambda function `describe_api`.

fn main() -> Result<(), lambda_http::Error> {
    shared::bootstrap::serve_without_tables(|app, call| Box::pin(describe_api::handle(app, call)))
}
