//! Lambda function `issue_token`.

fn main() -> Result<(), lambda_http::Error> {
    shared::bootstrap::serve(|app, call| Box::pin(issue_token::handle(app, call)))
}
