//! Lambda function `configure_queue`.

fn main() -> Result<(), lambda_http::Error> {
    shared::bootstrap::serve(|app, call| Box::pin(configure_queue::handle(app, call)))
}
