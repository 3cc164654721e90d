//! Lambda function `report_sales`.

fn main() -> Result<(), shared::bootstrap::Error> {
    report_sales::run()
}
