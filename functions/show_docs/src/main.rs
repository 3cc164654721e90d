//! Lambda function `show_docs`.

fn main() -> Result<(), shared::bootstrap::Error> {
    show_docs::run()
}
