//! What `cargo verify` shares with the programs that it runs.

pub mod venv;
