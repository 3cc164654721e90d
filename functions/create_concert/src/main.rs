//! Lambda function `create_concert`.

fn main() -> Result<(), lambda_http::Error> {
    shared::bootstrap::serve(|app, call| Box::pin(create_concert::handle(app, call)))
}
