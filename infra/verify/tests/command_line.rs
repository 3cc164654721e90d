//! What every command does with `--help` and with an option that it does not know, seen at `cargo verify`.

use std::process::{Command, Output};

fn verify(argument: &str) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } =
        Command::new(env!("CARGO_BIN_EXE_verify")).arg(argument).output().expect("verify runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (status.code(), text(stdout), text(stderr))
}

#[test]
fn help_is_printed() {
    let (code, printed, errors) = verify("--help");
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    assert!(printed.contains("\nUsage: cargo verify [--fast]") && printed.contains("\n  --help "), "{printed}");
}

#[test]
fn an_unknown_option_is_one_line_that_names_help() {
    let expected = "error: invalid option '--slow'; see cargo verify --help\n".to_owned();
    assert_eq!(verify("--slow"), (Some(2), String::new(), expected));
}
