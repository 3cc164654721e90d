//! Lambda function `create_user`.

fn main() -> Result<(), lambda_http::Error> {
    shared::bootstrap::serve(|app, call| Box::pin(create_user::handle(app, call)))
}
