//! `cargo piles`: what overload costs.

use std::error::Error;

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "it is what was asked for")]
async fn main() -> Result<(), Box<dyn Error>> {
    acceptance::piles::measure(|line| println!("{line}")).await
}
