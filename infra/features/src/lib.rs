//! No code: the features in `Cargo.toml` are what this package is for. A test of `verify` compares the builds.
