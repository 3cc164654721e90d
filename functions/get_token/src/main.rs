//! Lambda function `get_token`.

fn main() -> Result<(), lambda_http::Error> {
    shared::bootstrap::serve(|app, call| Box::pin(get_token::handle(app, call)))
}
