//! `cargo openapi`: writes the document to the source of the function that serves it.

use std::{error::Error, fs, process::ExitCode};

use tools::{command_line, workspace};

/// What `--help` prints.
const HELP: &str = "\
Writes the OpenAPI document to functions/describe_api/openapi.json, from the types and refusals of the code.

Usage: cargo openapi

  --help  print this text
";

fn main() -> ExitCode {
    command_line::run("cargo openapi", HELP, command_line::parse_no_options, |()| write())
}

fn write() -> Result<ExitCode, Box<dyn Error>> {
    let file = workspace::root().join("functions/describe_api/openapi.json");
    fs::write(file, serde_json::to_string_pretty(&openapi::document())? + "\n")?;
    Ok(ExitCode::SUCCESS)
}
