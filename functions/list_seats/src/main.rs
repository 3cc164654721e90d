//! Lambda function `list_seats`.

fn main() -> Result<(), lambda_http::Error> {
    shared::bootstrap::serve(|app, call| Box::pin(list_seats::handle(app, call)))
}
