//! Lambda function `leave_queue`.

fn main() -> Result<(), lambda_http::Error> {
    shared::bootstrap::serve(|app, call| Box::pin(leave_queue::handle(app, call)))
}
