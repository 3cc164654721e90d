//! Lambda function `show_docs`.

fn main() -> Result<(), lambda_http::Error> {
    shared::bootstrap::serve_without_tables(|app, call| Box::pin(show_docs::handle(app, call)))
}
