//! Lambda function `seal_intervals`.

fn main() -> Result<(), shared::bootstrap::Error> {
    seal_intervals::run()
}
