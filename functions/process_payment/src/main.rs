//! Lambda function `process_payment`.

fn main() -> Result<(), lambda_http::Error> {
    shared::bootstrap::serve(|app, call| Box::pin(process_payment::handle(app, call)))
}
