//! Lambda function `recharge_balance`.

fn main() -> Result<(), shared::bootstrap::Error> {
    recharge_balance::run()
}
