//! Lambda function `check_health`.

fn main() -> Result<(), shared::bootstrap::Error> {
    check_health::run()
}
