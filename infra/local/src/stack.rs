//! Starts the parts of the stack in order, updates secrets, and stops.

use std::{
    collections::BTreeMap, env, os::unix::process::CommandExt, path::PathBuf, process::Command, sync::Arc,
    time::Duration,
};

use template::Template;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    task, time,
};
use tools::{python::PythonEnvironment, workspace};

use crate::{
    compile,
    control::{Functions, Program},
    environment::FunctionEnvironment,
    event_sources::{self, Sources},
    failure::{Context, Failure},
    gateway::Gateway,
    options::Options,
    queues::Queues,
    secrets, seed,
    state::State,
    tables::Tables,
};

/// The name of the administrator that every stack has.
const ADMIN: &str = "admin";
/// The length of the administrator's password (characters): 20 hexadecimal digits, which nobody guesses.
const PASSWORD_LENGTH: usize = 20;
/// The Python tools of the stack at pinned versions.
const PYTHON_TOOLS: &str = include_str!("../requirements.txt");
/// How long to wait for the killed processes of functions.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// Runs the stack until Ctrl-C or SIGTERM. On SIGHUP, stores the secrets that the data directory has
/// now.
///
/// # Errors
/// When the stack cannot start.
pub async fn run(options: &Options) -> Result<(), Failure> {
    // Before anything is started: a signal must also end the build.
    let mut interrupt = signal(SignalKind::interrupt()).context("signals")?;
    let mut terminate = signal(SignalKind::terminate()).context("signals")?;
    if options.release && cfg!(debug_assertions) {
        return tokio::select! {
            failure = become_optimised() => Err(failure),
            () = either(&mut interrupt, &mut terminate) => Ok(()),
        };
    }
    let gateway = Gateway::bind(options.port, options.gateway_errors)?;
    // Dropping the future of `start` kills the processes that it has started so far.
    let running = tokio::select! {
        running = start(options, &gateway) => running?,
        () = either(&mut interrupt, &mut terminate) => return Ok(()),
    };
    let mut hang_up = signal(SignalKind::hangup()).context("signals")?;
    loop {
        tokio::select! {
            () = either(&mut interrupt, &mut terminate) => break,
            _ = hang_up.recv() => match running.update_secrets().await {
                Ok(()) => eprintln!("the secrets are those of the data directory; functions read them within five minutes"),
                Err(failure) => eprintln!("the secrets stay as they were: {failure}"),
            },
        }
    }
    eprintln!("stopping");
    // A process that is still there after the timeout is killed when the runtime drops its task.
    let _ = time::timeout(STOP_TIMEOUT, running.sources.functions.stop()).await;
    Ok(())
}

/// Builds this program and the functions optimised, and replaces this process by the optimised program, so that gateway
/// and tables do not slow down what is measured. Returns only if that fails.
async fn become_optimised() -> Failure {
    let built = async {
        let template = load_template()?;
        let mut binaries = compile::functions(&template, true).await?;
        binaries.remove(env!("CARGO_PKG_NAME")).ok_or_else(|| Failure::new("cargo built no optimised cargo local"))
    };
    match built.await {
        Ok(binary) => {
            let error = Command::new(&binary).args(env::args_os().skip(1)).exec();
            Failure::new(format!("{}: {error}", binary.display()))
        }
        Err(failure) => failure,
    }
}

fn load_template() -> Result<Template, Failure> {
    Template::load(&template::path_in(workspace::root())).context("template")
}

async fn either(interrupt: &mut Signal, terminate: &mut Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

/// A running stack.
struct Running {
    template: Template,
    sources: Arc<Sources>,
}

impl Running {
    /// Stores the secrets that the data directory has now.
    async fn update_secrets(&self) -> Result<(), Failure> {
        let Sources { queues, state, .. } = &*self.sources;
        secrets::update(&queues.endpoint, &self.template, state).await
    }
}

async fn start(options: &Options, gateway: &Gateway) -> Result<Running, Failure> {
    let template = load_template()?;
    let state = Arc::new(State::open(&options.data, gateway.port())?);
    eprintln!("building {} functions", template.functions.len());
    let (python, binaries) = tokio::try_join!(install_python_tools(), compile::functions(&template, options.release))?;
    eprintln!("starting; logs are in {}", state.directory.join("logs").display());
    let tables = Tables::start(options, &state, &template).await?;
    let queues = Queues::start(&python, &state, &template).await?;
    secrets::create(&queues.endpoint, &template, &state).await?;
    let programs = programs(&template, &state, &tables, &queues, binaries)?;
    let password = state.secret("administrator", PASSWORD_LENGTH)?;
    if let Some(program) = programs.first() {
        seed::seed(&tables.endpoint, &program.variables, ADMIN, &password).await?;
    }
    let functions = Functions::start(programs).await?;
    tables.publish(gateway.port())?;
    let sources = Arc::new(Sources { functions: functions.clone(), queues, tables, state });
    event_sources::start(&template, Arc::clone(&sources))?;
    gateway.open(&template, functions);
    eprintln!(
        "the API to try out is at http://127.0.0.1:{0}/docs, the last hour of a sale at http://127.0.0.1:{0}/ops",
        gateway.port()
    );
    announce(&password, gateway.port());
    Ok(Running { template, sources })
}

async fn install_python_tools() -> Result<PythonEnvironment, Failure> {
    let python = PythonEnvironment::new("local");
    let installed = python.clone();
    let install = task::spawn_blocking(move || installed.install(PYTHON_TOOLS)).await;
    install.context("Python tools")?.context("Python tools")?;
    Ok(python)
}

fn programs(
    template: &Template,
    state: &State,
    tables: &Tables,
    queues: &Queues,
    mut binaries: BTreeMap<String, PathBuf>,
) -> Result<Vec<Program>, Failure> {
    let environment = FunctionEnvironment { template, queues, dynamodb: &tables.functions_endpoint };
    (template.functions.iter())
        .map(|function| {
            Ok(Program {
                name: function.name.clone(),
                binary: binaries.remove(&function.name).unwrap_or_default(),
                variables: environment.variables(function)?,
                timeout: Duration::from_secs(function.timeout_seconds.into()),
                log: state.log(&function.name)?,
            })
        })
        .collect()
}

/// Prints the two lines that scripts and tests wait for.
#[expect(clippy::print_stdout, reason = "scripts read these lines from stdout")]
fn announce(password: &str, port: u16) {
    println!("admin: {ADMIN} / {password}");
    println!("ready http://127.0.0.1:{port}");
}
