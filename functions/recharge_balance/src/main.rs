//! Lambda function `recharge_balance`.

fn main() -> Result<(), lambda_http::Error> {
    shared::bootstrap::serve(|app, call| Box::pin(recharge_balance::handle(app, call)))
}
