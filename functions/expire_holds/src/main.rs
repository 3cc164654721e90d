//! Lambda function `expire_holds`.

fn main() -> Result<(), lambda_runtime::Error> {
    shared::bootstrap::consume(|app, event| Box::pin(expire_holds::handle(app, event)))
}
