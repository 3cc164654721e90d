//! Lambda function `get_balance`.

fn main() -> Result<(), shared::bootstrap::Error> {
    get_balance::run()
}
