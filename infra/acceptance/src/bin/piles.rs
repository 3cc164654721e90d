//! `cargo piles`: prints what overload costs.

use std::error::Error;

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "the table is what this program is for")]
async fn main() -> Result<(), Box<dyn Error>> {
    acceptance::piles::measure(|line| println!("{line}")).await
}
