//! Lambda function `sweep_holds`.

fn main() -> Result<(), shared::bootstrap::Error> {
    sweep_holds::run()
}
