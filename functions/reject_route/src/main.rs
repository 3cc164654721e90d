//! Lambda function `reject_route`.

fn main() -> Result<(), lambda_http::Error> {
    shared::bootstrap::serve_without_tables(|app, call| Box::pin(reject_route::handle(app, call)))
}
