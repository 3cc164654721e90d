//! Lambda function `list_reservations`.

fn main() -> Result<(), lambda_http::Error> {
    shared::bootstrap::serve(|app, call| Box::pin(list_reservations::handle(app, call)))
}
