//! Lambda function `get_balance`.

fn main() -> Result<(), lambda_http::Error> {
    shared::bootstrap::serve(|app, call| Box::pin(get_balance::handle(app, call)))
}
