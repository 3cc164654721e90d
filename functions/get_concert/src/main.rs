//! Lambda function `get_concert`.

use shared::bootstrap::Needs;

fn main() -> Result<(), lambda_http::Error> {
    shared::bootstrap::serve_with(Needs::Tables, |app, call| Box::pin(get_concert::handle(app, call)))
}
