//! `cargo piles`: what ticks take with a thousand times too much ahead of one living fan.

use std::error::Error;

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "it is what was asked for")]
async fn main() -> Result<(), Box<dyn Error>> {
    println!("{}", acceptance::piles::HEADING);
    acceptance::piles::measure(|figure| println!("{figure}")).await
}
