//! Lambda function `reject_route`.

use shared::bootstrap::Needs;

fn main() -> Result<(), lambda_http::Error> {
    shared::bootstrap::serve_with(Needs::Nothing, |app, call| Box::pin(reject_route::handle(app, call)))
}
