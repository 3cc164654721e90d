//! Lambda function `inspect_queue`.

fn main() -> Result<(), lambda_http::Error> {
    shared::bootstrap::serve(|app, call| Box::pin(inspect_queue::handle(app, call)))
}
