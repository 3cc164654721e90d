//! Lambda function `show_docs`.

use shared::bootstrap::Needs;

fn main() -> Result<(), lambda_http::Error> {
    shared::bootstrap::serve_with(Needs::Nothing, |app, call| Box::pin(show_docs::handle(app, call)))
}
