//! Lambda function `get_reservation`.

fn main() -> Result<(), lambda_http::Error> {
    shared::bootstrap::serve(|app, call| Box::pin(get_reservation::handle(app, call)))
}
