//! `cargo openapi`: writes the document to the source of the function that serves it.

use std::{env, fs, io, path::Path};

fn main() -> io::Result<()> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../functions/describe_api/openapi.json");
    let text = serde_json::to_string_pretty(&openapi::document()).map_err(io::Error::other)?;
    fs::write(file, text + "\n")
}
