//! Lambda function `list_dates`.

fn main() -> Result<(), lambda_http::Error> {
    shared::bootstrap::serve(|app, call| Box::pin(list_dates::handle(app, call)))
}
