//! Lambda function `login_user`.

fn main() -> Result<(), lambda_http::Error> {
    shared::bootstrap::serve(|app, call| Box::pin(login_user::handle(app, call)))
}
