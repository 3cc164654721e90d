//! Lambda function `create_user`.

fn main() -> Result<(), shared::bootstrap::Error> {
    create_user::run()
}
