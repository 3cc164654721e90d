//! Lambda function `get_availability`.

use shared::bootstrap::Needs;

fn main() -> Result<(), lambda_http::Error> {
    shared::bootstrap::serve_with(Needs::Tables, |app, call| Box::pin(get_availability::handle(app, call)))
}
