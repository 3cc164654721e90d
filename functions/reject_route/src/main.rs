//! Lambda function `reject_route`.

fn main() -> Result<(), shared::bootstrap::Error> {
    reject_route::run()
}
