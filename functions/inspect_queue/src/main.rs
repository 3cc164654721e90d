//! Lambda function `inspect_queue`.

fn main() -> Result<(), shared::bootstrap::Error> {
    inspect_queue::run()
}
