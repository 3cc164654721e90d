//! Lambda function `list_dates`.

fn main() -> Result<(), shared::bootstrap::Error> {
    list_dates::run()
}
