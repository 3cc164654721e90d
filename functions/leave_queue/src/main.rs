//! Lambda function `leave_queue`.

fn main() -> Result<(), shared::bootstrap::Error> {
    leave_queue::run()
}
