//! The administrator's password: never on the command line, where other users of the machine see it.

use std::{
    env,
    io::{self, BufRead, IsTerminal, Stdin, Write},
};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

const VARIABLE: &str = "STAGEDOOR_PASSWORD";

/// Reads the password of `name` from the environment or, without echo, from standard input.
///
/// # Errors
/// When there is none.
pub fn read(name: &str) -> Result<String, String> {
    let password = match env::var(VARIABLE) {
        Ok(password) => password,
        Err(_) => ask(name).map_err(|error| format!("cannot read the password: {error}"))?,
    };
    if password.is_empty() {
        return Err(format!("no password: set {VARIABLE}, or type it"));
    }
    Ok(password)
}

fn ask(name: &str) -> io::Result<String> {
    let stdin = io::stdin();
    let mut line = String::new();
    if stdin.is_terminal() {
        eprint!("password of {name}: ");
        io::stderr().flush()?;
        let _silence = Silence::new(&stdin)?;
        stdin.lock().read_line(&mut line)?;
        eprintln!();
    } else {
        stdin.lock().read_line(&mut line)?;
    }
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// A terminal without echo. Dropping the value restores the terminal.
struct Silence<'a> {
    terminal: &'a Stdin,
    before: Termios,
}

impl<'a> Silence<'a> {
    fn new(terminal: &'a Stdin) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(terminal, OptionalActions::Flush, &silent)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Silence<'_> {
    fn drop(&mut self) {
        // A terminal that is gone needs no echo.
        let _ = tcsetattr(self.terminal, OptionalActions::Flush, &self.before);
    }
}
