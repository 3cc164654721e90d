//! Lambda function `get_concert`.

fn main() -> Result<(), lambda_http::Error> {
    shared::bootstrap::serve(|app, call| Box::pin(get_concert::handle(app, call)))
}
