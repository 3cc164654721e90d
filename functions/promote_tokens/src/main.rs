//! Lambda function `promote_tokens`.

fn main() -> Result<(), lambda_runtime::Error> {
    shared::bootstrap::consume(|app, event| Box::pin(promote_tokens::handle(app, event)))
}
