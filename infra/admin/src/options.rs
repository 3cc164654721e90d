//! The command line.

use lexopt::{Arg, Parser, ValueExt};
use shared::domain::account::{Role, Username};
use tools::command_line::Request;

/// What `--help` prints.
pub const HELP: &str = "\
Gives an account a role, takes it away, or lists who has one. A role counts from the next login on, and until the last
access token with it has expired: an hour at most.

Usage: cargo admin grant NAME [--role ROLE] [--port PORT | --stack STACK]
       cargo admin revoke NAME [--port PORT | --stack STACK]
       cargo admin list [--port PORT | --stack STACK]

  --role ROLE    admin (everything), operator (sees a sale and runs its queues) or door (works at the doors); default
                 admin
  --port PORT    the port of a running `cargo local` (default 9000)
  --stack STACK  the CloudFormation stack of a deployment, in the region and with the AWS credentials of this shell
  --help         print this text
";

/// What to do, and where.
#[derive(Debug, PartialEq, Eq)]
pub struct Options {
    /// What to do.
    pub action: Action,
    /// The deployment.
    pub place: Place,
}

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Action {
    /// Give the account with this name a role; `fan` takes every other role away.
    Set(Username, Role),
    /// List who has a role.
    List,
}

/// A deployment.
#[derive(Debug, PartialEq, Eq)]
pub enum Place {
    /// The local stack whose API has this port.
    Local(u16),
    /// The CloudFormation stack with this name.
    Stack(String),
}

/// Parses the command line.
///
/// # Errors
/// For an unknown command or option, a name that no account can have, or options that contradict each other.
pub fn parse(mut parser: Parser) -> Result<Request<Options>, lexopt::Error> {
    let (mut words, mut role, mut place) = (Vec::new(), None, None);
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Value(word) => words.push(word.string()?),
            Arg::Long("role") => role = Some(role_named(&parser.value()?.string()?)?),
            Arg::Long("port") if place.is_none() => place = Some(Place::Local(parser.value()?.parse()?)),
            Arg::Long("stack") if place.is_none() => place = Some(Place::Stack(parser.value()?.string()?)),
            Arg::Long("port" | "stack") => return Err("give one of --port and --stack, once".into()),
            Arg::Long("help") | Arg::Short('h') => return Ok(Request::Help),
            other => return Err(other.unexpected()),
        }
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let action = match (&words[..], role) {
        (["grant", name], role) => Action::Set(username(name)?, role.unwrap_or(Role::Admin)),
        (["revoke", name], None) => Action::Set(username(name)?, Role::Fan),
        (["list"], None) => Action::List,
        (["revoke", _] | ["list"], Some(_)) => return Err("--role is for grant".into()),
        _ => return Err("say grant NAME, revoke NAME or list".into()),
    };
    Ok(Request::Run(Options { action, place: place.unwrap_or(Place::Local(9000)) }))
}

fn username(text: &str) -> Result<Username, lexopt::Error> {
    Username::parse(text).map_err(|rule| format!("a user name {rule}").into())
}

fn role_named(text: &str) -> Result<Role, lexopt::Error> {
    match text {
        "admin" => Ok(Role::Admin),
        "operator" => Ok(Role::Operator),
        "door" => Ok(Role::Door),
        _ => Err("the roles are admin, operator and door".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Request<Options>, String> {
        parse(Parser::from_args(line.split_whitespace())).map_err(|error| error.to_string())
    }

    #[test]
    fn a_command_says_what_and_where() {
        let name = || Username::parse("mina").expect("a name");
        let run = |action, place| Ok(Request::Run(Options { action, place }));
        assert_eq!(parsed("grant mina"), run(Action::Set(name(), Role::Admin), Place::Local(9000)));
        assert_eq!(
            parsed("grant mina --role door --stack sale"),
            run(Action::Set(name(), Role::Door), Place::Stack("sale".to_owned()))
        );
        assert_eq!(parsed("revoke mina --port 9100"), run(Action::Set(name(), Role::Fan), Place::Local(9100)));
        assert_eq!(parsed("list"), run(Action::List, Place::Local(9000)));
        assert_eq!(parsed("--help"), Ok(Request::Help));
    }

    #[test]
    fn anything_else_is_an_error() {
        for wrong in [
            "",
            "grant",
            "grant a",
            "grant mina --role king",
            "grant mina else",
            "revoke mina --role admin",
            "list mina",
            "list --port x",
            "list --port 1 --stack sale",
            "list --all",
        ] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
    }
}
