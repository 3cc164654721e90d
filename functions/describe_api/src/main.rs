//! Lambda function `describe_api`.

use shared::bootstrap::Needs;

fn main() -> Result<(), lambda_http::Error> {
    shared::bootstrap::serve_with(Needs::Nothing, |app, call| Box::pin(describe_api::handle(app, call)))
}
