//! Lambda function `remove_fan`.

fn main() -> Result<(), lambda_http::Error> {
    shared::bootstrap::serve(|app, call| Box::pin(remove_fan::handle(app, call)))
}
