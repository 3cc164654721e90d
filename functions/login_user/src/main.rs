//! Lambda function `login_user`.

fn main() -> Result<(), shared::bootstrap::Error> {
    login_user::run()
}
