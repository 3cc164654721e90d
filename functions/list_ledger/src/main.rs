//! Lambda function `list_ledger`.

fn main() -> Result<(), lambda_http::Error> {
    shared::bootstrap::serve(|app, call| Box::pin(list_ledger::handle(app, call)))
}
