//! Lambda function `delete_queue`.

fn main() -> Result<(), lambda_http::Error> {
    shared::bootstrap::serve(|app, call| Box::pin(delete_queue::handle(app, call)))
}
