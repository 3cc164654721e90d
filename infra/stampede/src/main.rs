//! `cargo stampede`: see the library.

use stampede::{HELP, figures, parse, print, run};
use std::process::ExitCode;
use tools::command_line;

fn main() -> ExitCode {
    command_line::run("cargo stampede", HELP, parse, |options| {
        let sale = run(options.clone());
        print(&options, &figures(&sale), &sale);
        if let Some(path) = &options.svg {
            std::fs::write(path, stampede::draw(&sale))?;
        }
        Ok(ExitCode::SUCCESS)
    })
}
