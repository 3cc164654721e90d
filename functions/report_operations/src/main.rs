//! Lambda function `report_operations`.

fn main() -> Result<(), shared::bootstrap::Error> {
    report_operations::run()
}
