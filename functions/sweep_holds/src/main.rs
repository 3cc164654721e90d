//! Lambda function `sweep_holds`.

fn main() -> Result<(), lambda_runtime::Error> {
    shared::bootstrap::consume(|app, event| Box::pin(sweep_holds::handle(app, event)))
}
