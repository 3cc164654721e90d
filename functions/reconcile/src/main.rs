//! Lambda function `reconcile`.

fn main() -> Result<(), shared::bootstrap::Error> {
    reconcile::run()
}
