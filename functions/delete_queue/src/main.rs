//! Lambda function `delete_queue`.

fn main() -> Result<(), shared::bootstrap::Error> {
    delete_queue::run()
}
