//! Lambda function `list_ledger`.

fn main() -> Result<(), shared::bootstrap::Error> {
    list_ledger::run()
}
