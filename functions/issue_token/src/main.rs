//! Lambda function `issue_token`.

fn main() -> Result<(), shared::bootstrap::Error> {
    issue_token::run()
}
