//! `cargo local` as a process.

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Read},
    net::TcpListener,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        Arc, Mutex,
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use client::Client;
use template::Template;
use tools::workspace;

use crate::processes::Process;

/// How long the first start may take: it compiles every function.
const BUILD_TIMEOUT: Duration = Duration::from_secs(30 * 60);
/// How long a start may take after the build.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a stack may take to stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// The number of last lines of stderr that are shown when a test fails.
const TAIL_LINES: usize = 40;
/// A shell script that runs a command until stdin closes. It ends the stack when the tests end, also where they are
/// killed and no destructor runs: the system closes the pipe in any case.
const KEEPER: &str = r#"
"$@" & stack=$!
exec >&-
while read -r _; do :; done
kill -TERM "$stack" 2>/dev/null
wait "$stack"
"#;

/// Where a stack keeps its data.
#[derive(Debug, Clone, Copy)]
pub enum Data<'a> {
    /// In memory.
    Ephemeral,
    /// In this directory.
    Directory(&'a Path),
}

/// A running `cargo local`. Dropping the value stops it.
pub struct Stack {
    keeper: Child,
    /// The keeper's stdin. Closing it stops the stack.
    lifeline: Option<ChildStdin>,
    port: u16,
    admin: (String, String),
    ready_after: Duration,
    tail: Tail,
}

enum Line {
    Out(String),
    Err(String),
    Closed,
}

/// The last lines that the stack printed on stderr.
#[derive(Clone, Default)]
struct Tail(Arc<Mutex<VecDeque<String>>>);

impl Tail {
    fn push(&self, line: &str) {
        let mut lines = self.0.lock().expect("nobody panics with it");
        if lines.len() == TAIL_LINES {
            lines.pop_front();
        }
        lines.push_back(line.to_owned());
    }

    fn text(&self) -> String {
        let lines = self.0.lock().expect("nobody panics with it");
        lines.iter().map(|line| format!("  | {line}\n")).collect()
    }
}

impl Stack {
    /// Starts a stack on a free port, with variables such as `("HOLD_SECONDS", "4")`, and waits until it is ready.
    ///
    /// # Panics
    /// When it is not ready in time; the last lines of its stderr are printed.
    pub fn start(data: Data<'_>, variables: &[(&str, &str)]) -> Self {
        Self::launch(data, variables, &[])
    }

    /// Starts a stack as [`Stack::start`] does, with optimised functions.
    ///
    /// # Panics
    /// As [`Stack::start`].
    pub fn start_release(data: Data<'_>, variables: &[(&str, &str)]) -> Self {
        Self::launch(data, variables, &["--release"])
    }

    /// Starts a stack in memory with more options of `cargo local`.
    ///
    /// # Panics
    /// As [`Stack::start`].
    pub fn start_with(options: &[&str]) -> Self {
        Self::launch(Data::Ephemeral, &[], options)
    }

    /// Starts a stack in memory with its database on port `database`, whose functions reach the database through the
    /// proxy on port `proxy`.
    ///
    /// # Panics
    /// As [`Stack::start`].
    pub fn start_behind(database: u16, proxy: u16, variables: &[(&str, &str)]) -> Self {
        let (database, proxy) = (database.to_string(), proxy.to_string());
        let options = ["--dynamodb-port", &database, "--dynamodb-proxy", &proxy];
        Self::launch(Data::Ephemeral, variables, &options)
    }

    fn launch(data: Data<'_>, variables: &[(&str, &str)], options: &[&str]) -> Self {
        let port = free_port();
        let mut command = Command::new("sh");
        command.args(["-c", KEEPER, "keeper"]).arg(workspace::cargo()).args([
            "run",
            "--quiet",
            "--package",
            "local",
            "--",
        ]);
        command.args(["--port", &port.to_string()]).args(options);
        match data {
            Data::Ephemeral => command.arg("--ephemeral"),
            Data::Directory(directory) => command.arg("--data").arg(directory),
        };
        // Variables that a developer set for a stack of their own must not change the settings of the tests.
        let template = Template::load(&template::path_in(workspace::root())).expect("the template is valid");
        for name in template.common_environment.keys() {
            command.env_remove(name);
        }
        command.envs(variables.iter().copied()).current_dir(workspace::root());
        // Ctrl-C ends only the tests. Then the keeper's stdin closes, and the keeper stops the stack.
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let started = Instant::now();
        let mut keeper = command.spawn().expect("sh runs");
        let (sender, lines) = mpsc::channel();
        let tail = Tail::default();
        forward(keeper.stdout.take().expect("piped"), sender.clone(), None, Line::Out);
        forward(keeper.stderr.take().expect("piped"), sender, Some(tail.clone()), Line::Err);
        let lifeline = keeper.stdin.take();
        let mut stack = Self { keeper, lifeline, port, admin: Default::default(), ready_after: Duration::ZERO, tail };
        stack.wait_until_ready(&lines);
        stack.ready_after = started.elapsed();
        stack
    }

    fn wait_until_ready(&mut self, lines: &Receiver<Line>) {
        let mut deadline = Instant::now() + BUILD_TIMEOUT;
        loop {
            let line = lines.recv_timeout(deadline.saturating_duration_since(Instant::now()));
            match line {
                Ok(Line::Err(line)) if line.starts_with("starting") => deadline = Instant::now() + START_TIMEOUT,
                Ok(Line::Err(_)) => {}
                Ok(Line::Out(line)) => {
                    if let Some((name, password)) = line.strip_prefix("admin: ").and_then(|rest| rest.split_once(" / "))
                    {
                        self.admin = (name.to_owned(), password.to_owned());
                    } else {
                        assert_eq!(line, format!("ready {}", self.address()), "unexpected line on stdout");
                        assert!(!self.admin.0.is_empty(), "`ready` came before the line with the admin");
                        return;
                    }
                }
                // Dropping the stack prints the last lines of its stderr.
                Ok(Line::Closed) | Err(RecvTimeoutError::Disconnected) => panic!("the stack ended before it was ready"),
                Err(RecvTimeoutError::Timeout) => panic!("the stack was not ready in time"),
            }
        }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Makes a client that sends each request once.
    ///
    /// # Panics
    /// Never: the address is a URL, and plain HTTP needs no certificates.
    pub fn client(&self) -> Client {
        Client::new(self.address().parse().expect("a URL")).expect("no TLS")
    }

    /// The port of the API.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The administrator's name and password.
    pub fn admin(&self) -> (&str, &str) {
        (&self.admin.0, &self.admin.1)
    }

    /// The time from the start to the `ready` line.
    pub fn ready_after(&self) -> Duration {
        self.ready_after
    }

    /// The last lines on stderr.
    pub fn tail(&self) -> String {
        self.tail.text()
    }

    /// The process of `cargo local` itself.
    pub fn process(&self) -> Process {
        let children = Process::children_of(self.keeper.id());
        children.into_iter().next().expect("the stack runs")
    }

    /// All processes below `cargo local`.
    pub fn descendants(&self) -> Vec<Process> {
        Process::descendants_of(self.process().id)
    }

    /// The processes of a function.
    pub fn processes_of(&self, function: &str) -> Vec<Process> {
        self.descendants().into_iter().filter(|process| process.name == function).collect()
    }

    /// Stops the stack with SIGTERM and returns how long that took.
    ///
    /// # Panics
    /// When it does not stop in time.
    pub fn stop(mut self) -> Duration {
        self.end().expect("the stack stops in time")
    }

    fn end(&mut self) -> Option<Duration> {
        let asked = Instant::now();
        self.lifeline = None;
        while asked.elapsed() < STOP_TIMEOUT {
            if self.keeper.try_wait().is_ok_and(|status| status.is_some()) {
                return Some(asked.elapsed());
            }
            thread::sleep(Duration::from_millis(10));
        }
        None
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if self.end().is_none() {
            let keeper = self.keeper.id();
            Process::descendants_of(keeper).iter().for_each(Process::kill);
            let _ = self.keeper.kill();
            let _ = self.keeper.wait();
        }
        if thread::panicking() {
            eprintln!("the last lines of the stack:\n{}", self.tail.text());
        }
    }
}

/// Starts a thread that sends each line of the pipe to `sender`, until the pipe closes.
fn forward(
    pipe: impl Read + Send + 'static,
    sender: Sender<Line>,
    tail: Option<Tail>,
    line: impl Fn(String) -> Line + Send + 'static,
) {
    thread::spawn(move || {
        for text in BufReader::new(pipe).lines().map_while(Result::ok) {
            if let Some(tail) = &tail {
                tail.push(&text);
            }
            // Nobody receives once the stack is ready. The pipe must be read all the same, or the stack blocks on it.
            let _ = sender.send(line(text));
        }
        if tail.is_none() {
            let _ = sender.send(Line::Closed);
        }
    });
}

/// Finds a free port. (`--port 0` would not do: the stack's directory is named after the port.)
pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("there is a free port");
    listener.local_addr().expect("it is bound").port()
}
