//! Lambda function `check_health`.

fn main() -> Result<(), lambda_http::Error> {
    shared::bootstrap::serve(|app, call| Box::pin(check_health::handle(app, call)))
}
