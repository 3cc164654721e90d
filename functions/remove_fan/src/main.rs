//! Lambda function `remove_fan`.

fn main() -> Result<(), shared::bootstrap::Error> {
    remove_fan::run()
}
