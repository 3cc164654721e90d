//! `cargo admin`: gives and takes roles, in the local stack or in a deployment. It works on the tables, with the rights
//! of who runs it: no route of the API gives a role.

mod deployment;
mod options;

use std::{error::Error, process::ExitCode};

use options::{Action, Options};
use shared::{
    domain::{account::Role, refusal::Refusal},
    store::{Failure, Store, staff::StaffMember},
    telemetry::chain,
};
use tools::command_line;

fn main() -> ExitCode {
    command_line::run("cargo admin", options::HELP, options::parse, |options| {
        tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(run(options))
    })
}

async fn run(options: Options) -> Result<ExitCode, Box<dyn Error>> {
    let store = deployment::store(&options.place).await?;
    match options.action {
        Action::Set(name, role) => {
            let changed = store.set_role(&name, role).await.map_err(|failure| match failure {
                Failure::Refused(Refusal::UserNotFound) => format!("no account has the name {}", name.as_str()),
                other => chain(&other),
            })?;
            say(&changed);
        }
        Action::List => list(&store).await?,
    }
    Ok(ExitCode::SUCCESS)
}

#[expect(clippy::print_stdout, reason = "the answer to the command")]
fn say(changed: &StaffMember) {
    let name = &changed.username;
    match changed.role {
        Role::Fan => println!("{name} is a fan again, at the latest in an hour"),
        role => println!("{name} has the role {}, from the next login on", name_of(role)),
    }
}

#[expect(clippy::print_stdout, reason = "the answer to the command")]
async fn list(store: &Store) -> Result<(), Box<dyn Error>> {
    for StaffMember { user_id, username, role, since } in store.staff().await.map_err(|error| chain(&error))? {
        println!("{username:32}  {:8}  since {}  {user_id}", name_of(role), since.rfc3339());
    }
    Ok(())
}

fn name_of(role: Role) -> &'static str {
    match role {
        Role::Fan => "fan",
        Role::Door => "door",
        Role::Operator => "operator",
        Role::Admin => "admin",
    }
}
