//! Lambda function `get_availability`.

fn main() -> Result<(), lambda_http::Error> {
    shared::bootstrap::serve(|app, call| Box::pin(get_availability::handle(app, call)))
}
