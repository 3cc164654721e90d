//! The part of `cargo verify` that the programs it runs use, too.

pub mod venv;
