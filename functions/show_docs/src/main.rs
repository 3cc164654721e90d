//! Lambda function `show_docs`.

fn main() -> Result<(), lambda_http::Error> {
    shared::bootstrap::serve(|app, call| Box::pin(show_docs::handle(app, call)))
}
