//! Lambda function `change_concert`.

fn main() -> Result<(), lambda_http::Error> {
    shared::bootstrap::serve(|app, call| Box::pin(change_concert::handle(app, call)))
}
