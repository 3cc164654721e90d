//! Lambda function `expire_holds`.

fn main() -> Result<(), shared::bootstrap::Error> {
    expire_holds::run()
}
