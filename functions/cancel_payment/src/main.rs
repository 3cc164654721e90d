//! Lambda function `cancel_payment`.

fn main() -> Result<(), lambda_http::Error> {
    shared::bootstrap::serve(|app, call| Box::pin(cancel_payment::handle(app, call)))
}
