//! Lambda function `stream_changes`.

fn main() -> Result<(), lambda_runtime::Error> {
    shared::bootstrap::consume(|app, event| Box::pin(stream_changes::handle(app, event)))
}
