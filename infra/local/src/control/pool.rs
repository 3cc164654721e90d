//! The environments of one function.

use std::{
    collections::{BTreeMap, VecDeque},
    fs::File,
    path::PathBuf,
    process::Stdio,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::body::Bytes;
use tokio::{
    process::Command,
    sync::{Notify, oneshot},
    task::AbortHandle,
    time,
};
use uuid::Uuid;

use super::invocation::{Invocation, InvokeError};
use crate::{aws::function_arn, child::Group, failure::Failure};

/// The limit on environments of one function. They share the few cores of this machine; more would only take memory.
const MAX_ENVIRONMENTS: usize = 8;
/// The limit on environments of one function that start at the same time. Without it, a burst would spend the cores on
/// processes that find no work once they are up.
const MAX_STARTING: usize = 2;
/// How long a process may take to ask for its first invocation, as on Lambda.
const INIT_TIMEOUT: Duration = Duration::from_secs(10);

/// What a function's processes are started with.
pub struct Program {
    /// The function's name.
    pub name: String,
    /// The executable file.
    pub binary: PathBuf,
    /// Variables on top of those of this process.
    pub variables: BTreeMap<String, String>,
    /// The longest time that one invocation may take.
    pub timeout: Duration,
    /// The file that gets the output of the processes.
    pub log: File,
}

type Reply = oneshot::Sender<Result<Bytes, InvokeError>>;

struct Waiting {
    payload: Bytes,
    reply: Reply,
}

struct Running {
    id: String,
    reply: Reply,
    overrun: AbortHandle,
}

enum Phase {
    /// Started, and has not asked for work yet.
    Starting,
    /// Has asked for work and waits for it.
    Idle(oneshot::Sender<Invocation>),
    /// Handles an invocation.
    Busy(Running),
    /// Has answered, and will ask for work again.
    Between,
}

struct Environment {
    phase: Phase,
    kill: Arc<Notify>,
}

#[derive(Default)]
struct State {
    environments: BTreeMap<u64, Environment>,
    started: u64,
    waiting: VecDeque<Waiting>,
    warming: Vec<oneshot::Sender<Result<(), String>>>,
    stopped: bool,
}

/// The pools of all functions by name.
pub type Pools = BTreeMap<String, Arc<Pool>>;

/// The environments of one function and the invocations that wait for them.
pub struct Pool {
    program: Program,
    /// The runtime API, `host:port`; set before the first environment starts.
    runtime_api: Arc<OnceLock<String>>,
    state: Mutex<State>,
}

impl Pool {
    pub fn new(program: Program, runtime_api: Arc<OnceLock<String>>) -> Self {
        Self { program, runtime_api, state: Mutex::default() }
    }

    pub fn timeout(&self) -> Duration {
        self.program.timeout
    }

    /// Starts an environment and waits until it asks for work.
    pub async fn warm(self: &Arc<Self>) -> Result<(), Failure> {
        let (sender, receiver) = oneshot::channel();
        {
            let mut state = self.lock();
            state.warming.push(sender);
            self.start_environment(&mut state);
        }
        match receiver.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(reason)) => {
                Err(Failure::new(format!("{} does not start: {reason}; see its log", self.program.name)))
            }
            Err(_) => Err(Failure::new(format!("{} was stopped", self.program.name))),
        }
    }

    /// See [`super::Functions::invoke`].
    pub async fn invoke(self: &Arc<Self>, payload: Bytes, patience: Duration) -> Result<Bytes, InvokeError> {
        let (reply, answer) = oneshot::channel();
        {
            let mut state = self.lock();
            state.waiting.push_back(Waiting { payload, reply });
            self.hand_out(&mut state);
            self.grow(&mut state);
        }
        match time::timeout(patience, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(InvokeError::Crashed("the stack stops".to_owned())),
            Err(_) => Err(InvokeError::TimedOut),
        }
    }

    /// Handles the request of an environment for work: waits for an invocation and returns it. `None` for an
    /// unknown environment.
    pub async fn next(self: &Arc<Self>, environment: u64) -> Option<Invocation> {
        let (sender, receiver) = oneshot::channel();
        {
            let mut state = self.lock();
            let entry = state.environments.get_mut(&environment)?;
            let before = std::mem::replace(&mut entry.phase, Phase::Idle(sender));
            if let Phase::Busy(running) = before {
                running.fail(InvokeError::Crashed("it asked for work without answering".to_owned()));
            }
            for warming in state.warming.drain(..) {
                // The receiver may have given up.
                let _ = warming.send(Ok(()));
            }
            self.hand_out(&mut state);
        }
        receiver.await.ok()
    }

    /// Passes on the answer of an environment to the invocation `id`. Returns false if the environment does not handle
    /// that invocation (any more).
    pub fn answer(&self, environment: u64, id: &str, answer: Result<Bytes, InvokeError>) -> bool {
        let mut state = self.lock();
        let Some(entry) = state.environments.get_mut(&environment) else {
            return false;
        };
        if !matches!(&entry.phase, Phase::Busy(running) if running.id == id) {
            return false;
        }
        if let Phase::Busy(running) = std::mem::replace(&mut entry.phase, Phase::Between) {
            running.overrun.abort();
            // The caller may have given up.
            let _ = running.reply.send(answer);
        }
        true
    }

    /// Kills all environments, and starts no more.
    pub fn stop(&self) {
        let mut state = self.lock();
        state.stopped = true;
        state.waiting.clear();
        state.environments.values().for_each(|environment| environment.kill.notify_one());
    }

    /// Whether there is no environment.
    pub fn is_empty(&self) -> bool {
        self.lock().environments.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A poisoned lock is safe to use: no code panics in the middle of a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives waiting invocations to idle environments.
    fn hand_out(self: &Arc<Self>, state: &mut State) {
        // A closed reply means that the caller gave up: the invocation is dropped.
        state.waiting.retain(|waiting| !waiting.reply.is_closed());
        while !state.waiting.is_empty() {
            let idle = (state.environments.iter_mut()).find(|(_, entry)| matches!(entry.phase, Phase::Idle(_)));
            let Some((&environment, entry)) = idle else { return };
            let Phase::Idle(sender) = std::mem::replace(&mut entry.phase, Phase::Between) else { return };
            // The process may have died while it waited. The invocation then goes to another environment.
            if sender.is_closed() {
                continue;
            }
            let Some(waiting) = state.waiting.pop_front() else { return };
            let invocation = self.invocation(waiting.payload);
            let overrun = tokio::spawn(Arc::clone(self).expire(environment, invocation.id.clone())).abort_handle();
            entry.phase = Phase::Busy(Running { id: invocation.id.clone(), reply: waiting.reply, overrun });
            // If the process dies before it receives the invocation, `gone` fails the invocation.
            let _ = sender.send(invocation);
        }
    }

    fn invocation(&self, payload: Bytes) -> Invocation {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Invocation {
            id: Uuid::new_v4().to_string(),
            payload,
            deadline_ms: (now + self.program.timeout).as_millis(),
            function_arn: function_arn(&self.program.name),
        }
    }

    /// Kills an environment whose invocation exceeds the timeout, as Lambda does.
    async fn expire(self: Arc<Self>, environment: u64, id: String) {
        time::sleep(self.program.timeout).await;
        if self.answer(environment, &id, Err(InvokeError::TimedOut))
            && let Some(entry) = self.lock().environments.get(&environment)
        {
            entry.kill.notify_one();
        }
    }

    /// Starts environments for the invocations that wait, within the limits.
    fn grow(self: &Arc<Self>, state: &mut State) {
        let starting = state.environments.values().filter(|entry| matches!(entry.phase, Phase::Starting)).count();
        let wanted = state.waiting.len().min(MAX_STARTING).saturating_sub(starting);
        let room = MAX_ENVIRONMENTS.saturating_sub(state.environments.len());
        for _ in 0..wanted.min(room) {
            self.start_environment(state);
        }
    }

    fn start_environment(self: &Arc<Self>, state: &mut State) {
        if state.stopped {
            return;
        }
        state.started += 1;
        let environment = state.started;
        let kill = Arc::new(Notify::new());
        state.environments.insert(environment, Environment { phase: Phase::Starting, kill: Arc::clone(&kill) });
        tokio::spawn(Arc::clone(self).supervise(environment, kill));
    }

    /// Starts the process of an environment and waits for its end.
    async fn supervise(self: Arc<Self>, environment: u64, kill: Arc<Notify>) {
        let reason = match self.spawn(environment) {
            Ok(mut process) => {
                let init = tokio::spawn(Arc::clone(&self).limit_init(environment));
                let status = loop {
                    tokio::select! {
                        status = process.wait() => break status,
                        () = kill.notified() => process.kill(),
                    }
                };
                init.abort();
                status.map_or_else(|error| error.to_string(), |status| status.to_string())
            }
            Err(error) => error.to_string(),
        };
        self.gone(environment, &reason);
    }

    /// Kills an environment that does not ask for work within [`INIT_TIMEOUT`].
    async fn limit_init(self: Arc<Self>, environment: u64) {
        time::sleep(INIT_TIMEOUT).await;
        if let Some(Environment { phase: Phase::Starting, kill, .. }) = self.lock().environments.get(&environment) {
            kill.notify_one();
        }
    }

    fn spawn(&self, environment: u64) -> std::io::Result<Group> {
        let address = self.runtime_api.get().map(String::as_str).unwrap_or_default();
        let mut command = Command::new(&self.program.binary);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_")) {
            // Credentials of a real AWS account must not reach the functions.
            command.env_remove(name);
        }
        command
            .envs(&self.program.variables)
            .env("AWS_LAMBDA_RUNTIME_API", format!("http://{address}/{}/{environment}", self.program.name))
            .stdin(Stdio::null())
            .stdout(self.program.log.try_clone()?)
            .stderr(self.program.log.try_clone()?);
        Group::start(&mut command)
    }

    /// Removes an environment whose process has ended, and fails its invocation. If the process never asked for work,
    /// fails a waiting invocation instead: otherwise a function that cannot start would be started for ever.
    fn gone(self: &Arc<Self>, environment: u64, reason: &str) {
        let mut state = self.lock();
        let Some(entry) = state.environments.remove(&environment) else { return };
        match entry.phase {
            Phase::Busy(running) => running.fail(InvokeError::Crashed(reason.to_owned())),
            Phase::Starting => {
                for warming in state.warming.drain(..) {
                    let _ = warming.send(Err(reason.to_owned()));
                }
                if let Some(waiting) = state.waiting.pop_front() {
                    let _ = waiting.reply.send(Err(InvokeError::Crashed(reason.to_owned())));
                }
            }
            Phase::Idle(_) | Phase::Between => {}
        }
        if !state.stopped {
            eprintln!("{} ended: {reason}", self.program.name);
        }
        self.grow(&mut state);
    }
}

impl Running {
    fn fail(self, error: InvokeError) {
        self.overrun.abort();
        // The caller may have given up.
        let _ = self.reply.send(Err(error));
    }
}
