//! Lambda function `create_reservation`.

fn main() -> Result<(), lambda_http::Error> {
    shared::bootstrap::serve(|app, call| Box::pin(create_reservation::handle(app, call)))
}
