//! Lambda function `cancel_reservation`.

fn main() -> Result<(), lambda_http::Error> {
    shared::bootstrap::serve(|app, call| Box::pin(cancel_reservation::handle(app, call)))
}
