//! Lambda function `get_queue`.

fn main() -> Result<(), lambda_http::Error> {
    shared::bootstrap::serve(|app, call| Box::pin(get_queue::handle(app, call)))
}
