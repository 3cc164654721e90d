//! Lambda function `get_queue`.

use shared::bootstrap::Needs;

fn main() -> Result<(), lambda_http::Error> {
    shared::bootstrap::serve_with(Needs::Tables, |app, call| Box::pin(get_queue::handle(app, call)))
}
