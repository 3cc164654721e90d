//! Lambda function `get_queue`.

fn main() -> Result<(), shared::bootstrap::Error> {
    get_queue::run()
}
