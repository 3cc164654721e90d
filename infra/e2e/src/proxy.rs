//! Fault injection: a TCP proxy between the functions of a stack and its database, which cuts connections.
//!
//! The proxy parses neither HTTP nor DynamoDB. It relies on two facts: a client sends the next request only after the
//! answer to the last, and a header names the operations that write.

use std::{
    collections::BTreeMap,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use fastrand::Rng;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Notify, watch},
    task::{AbortHandle, JoinSet},
    time,
};

/// Ports outside the system's ephemeral range. During an outage nobody listens on the port; an outgoing connection must
/// not get it in the meantime.
const PORTS: std::ops::Range<u16> = 20_000..30_000;
/// Pause between two attempts to listen again after an outage.
const BIND_PAUSE: Duration = Duration::from_millis(5);
/// The size of the buffers (bytes).
const CHUNK: usize = 16 * 1024;
/// Pauses between outages, in milliseconds.
const BETWEEN_OUTAGES: std::ops::Range<u64> = 400..1_400;
/// How long an outage lasts, in milliseconds. The SDK's own retries outlast the shortest, and not the longest.
const OUTAGE: std::ops::Range<u64> = 50..500;
/// How long an outage waits for a write to start with.
const LONGEST_WRITE: Duration = Duration::from_secs(1);
/// Operations that write, as the header of a request names them.
const WRITES: [&[u8]; 3] = [b".TransactWriteItems", b".UpdateItem", b".PutItem"];

/// A fault of the connection to the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cut {
    /// The connection is cut before the request is passed on.
    RequestLost,
    /// The request is passed on, and both connections are cut at once.
    UnderWay,
    /// The connection is cut after the database answered, before the answer is passed on.
    AnswerLost,
    /// The connection is cut in the middle of the answer.
    AnswerTorn,
    /// The database answers, and the answer is not passed on; the connection stays open.
    Stalled,
    /// All connections are cut after a write was done and before its answer is passed on, and none is accepted for a
    /// while. The SDK's own retries then fail, too: the writer never learns whether it wrote.
    Outage,
}

/// The faults of single requests, with their chances in thousandths.
const CHANCES: [(Cut, u32); 5] =
    [(Cut::RequestLost, 25), (Cut::UnderWay, 15), (Cut::AnswerLost, 30), (Cut::AnswerTorn, 15), (Cut::Stalled, 3)];

/// A proxy that runs until it is dropped. It injects no faults before [`Proxy::cut`].
pub struct Proxy {
    /// The port of the proxy on 127.0.0.1.
    pub port: u16,
    cutting: watch::Sender<bool>,
    shared: Arc<Shared>,
    listening: AbortHandle,
}

struct Shared {
    upstream: SocketAddr,
    dice: Mutex<Rng>,
    cuts: Mutex<BTreeMap<Cut, u64>>,
    cutting: watch::Receiver<bool>,
    /// Whether the next write starts an outage.
    armed: AtomicBool,
    /// Notified when that write was done.
    written: Notify,
}

impl Proxy {
    /// Starts a proxy for the database on port `upstream` of 127.0.0.1. All choices come from `dice`.
    pub async fn start(upstream: u16, mut dice: Rng) -> Self {
        let (listener, port) = loop {
            let port = dice.u16(PORTS);
            if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
                break (listener, port);
            }
        };
        let (cutting, receiver) = watch::channel(false);
        let upstream = SocketAddr::from((Ipv4Addr::LOCALHOST, upstream));
        let shared = Arc::new(Shared {
            upstream,
            dice: Mutex::new(dice),
            cuts: Mutex::default(),
            cutting: receiver,
            armed: AtomicBool::new(false),
            written: Notify::new(),
        });
        let listening = tokio::spawn(Arc::clone(&shared).listen(listener, port)).abort_handle();
        Self { port, cutting, shared, listening }
    }

    /// Starts or stops the injection of faults.
    pub fn cut(&self, cutting: bool) {
        self.cutting.send_replace(cutting);
    }

    /// How often each fault was injected.
    pub fn cuts(&self) -> BTreeMap<Cut, u64> {
        self.shared.cuts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl Shared {
    async fn listen(self: Arc<Self>, mut listener: TcpListener, port: u16) {
        loop {
            // Dropping the set cuts all connections.
            let mut connections = JoinSet::new();
            tokio::select! {
                () = self.accept(listener, &mut connections) => {}
                () = self.next_outage() => self.count(Cut::Outage),
            }
            drop(connections);
            self.outlast().await;
            listener = loop {
                match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
                    Ok(listener) => break listener,
                    Err(_) => time::sleep(BIND_PAUSE).await,
                }
            };
        }
    }

    /// Accepts connections until that fails. Dropping the future closes the listener.
    async fn accept(self: &Arc<Self>, listener: TcpListener, connections: &mut JoinSet<()>) {
        while let Ok((client, _)) = listener.accept().await {
            while connections.try_join_next().is_some() {}
            let shared = Arc::clone(self);
            connections.spawn(async move {
                // An error only means that the connection has ended.
                let _ = shared.carry(client).await;
            });
        }
    }

    /// Returns when an outage is due: after a pause, and then after the next write. Never returns while faults are off.
    async fn next_outage(&self) {
        let mut cutting = self.cutting.clone();
        loop {
            if cutting.wait_for(|cutting| *cutting).await.is_err() {
                return std::future::pending().await;
            }
            let pause = self.between(BETWEEN_OUTAGES);
            let write = async {
                time::sleep(pause).await;
                self.armed.store(true, Ordering::Relaxed);
                // The writer may be killed before the database answers: the outage starts anyway.
                let _ = time::timeout(LONGEST_WRITE, self.written.notified()).await;
            };
            tokio::select! {
                () = write => return,
                _ = cutting.wait_for(|cutting| !*cutting) => self.armed.store(false, Ordering::Relaxed),
            }
        }
    }

    /// Waits until the outage is over, or faults are turned off.
    async fn outlast(&self) {
        let outage = self.between(OUTAGE);
        let mut cutting = self.cutting.clone();
        tokio::select! {
            () = time::sleep(outage) => {}
            _ = cutting.wait_for(|cutting| !*cutting) => {}
        }
    }

    /// Passes on one connection until one side closes it or a fault cuts it. Dropping the future resets both sockets.
    async fn carry(&self, mut client: TcpStream) -> io::Result<()> {
        let mut server = TcpStream::connect(self.upstream).await?;
        for socket in [&client, &server] {
            socket.set_nodelay(true)?;
            socket.set_zero_linger()?;
        }
        let (mut question, mut answer) = (vec![0; CHUNK], vec![0; CHUNK]);
        // Whether a request is under way, and its fault.
        let (mut asked, mut fate) = (false, None);
        loop {
            tokio::select! {
                read = client.read(&mut question) => {
                    let length = read?;
                    if length > 0 && !std::mem::replace(&mut asked, true) {
                        fate = self.fate(&question[..length]);
                    }
                    if length == 0 || fate == Some(Cut::RequestLost) {
                        return Ok(());
                    }
                    server.write_all(&question[..length]).await?;
                    if fate == Some(Cut::UnderWay) {
                        return Ok(());
                    }
                }
                read = server.read(&mut answer) => {
                    let length = read?;
                    match fate {
                        _ if length == 0 => return Ok(()),
                        Some(Cut::AnswerLost) => return Ok(()),
                        Some(Cut::Outage) => {
                            self.written.notify_one();
                            return Ok(());
                        }
                        Some(Cut::AnswerTorn) => return client.write_all(&answer[..length / 2]).await,
                        Some(Cut::Stalled) => {
                            // Until the client times out and closes the connection.
                            while client.read(&mut question).await? > 0 {}
                            return Ok(());
                        }
                        _ => client.write_all(&answer[..length]).await?,
                    }
                    asked = false;
                }
            }
        }
    }

    /// Draws the fault of a request; most requests have none.
    fn fate(&self, request: &[u8]) -> Option<Cut> {
        if !*self.cutting.borrow() {
            return None;
        }
        let writes = || WRITES.iter().any(|name| request.windows(name.len()).any(|part| part == *name));
        if self.armed.load(Ordering::Relaxed) && writes() && self.armed.swap(false, Ordering::Relaxed) {
            return Some(Cut::Outage);
        }
        let mut drawn = self.dice.lock().unwrap_or_else(PoisonError::into_inner).u32(..1_000);
        let (cut, _) = CHANCES.into_iter().find(|(_, chance)| match drawn.checked_sub(*chance) {
            Some(rest) => {
                drawn = rest;
                false
            }
            None => true,
        })?;
        self.count(cut);
        Some(cut)
    }

    fn count(&self, cut: Cut) {
        *self.cuts.lock().unwrap_or_else(PoisonError::into_inner).entry(cut).or_default() += 1;
    }

    fn between(&self, range: std::ops::Range<u64>) -> Duration {
        Duration::from_millis(self.dice.lock().unwrap_or_else(PoisonError::into_inner).u64(range))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;

    const REQUEST: &[u8] = b"DynamoDB_20120810.PutItem";

    /// Starts a server that echoes every request and counts them. Returns its port and the count.
    async fn upstream() -> (u16, Arc<AtomicU64>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let asked = Arc::new(AtomicU64::new(0));
        tokio::spawn({
            let asked = Arc::clone(&asked);
            async move {
                while let Ok((mut socket, _)) = listener.accept().await {
                    let asked = Arc::clone(&asked);
                    tokio::spawn(async move {
                        let mut request = [0; REQUEST.len()];
                        while socket.read_exact(&mut request).await.is_ok() {
                            asked.fetch_add(1, Ordering::Relaxed);
                            let _ = socket.write_all(&request).await;
                        }
                    });
                }
            }
        });
        (port, asked)
    }

    /// Sends one request on a new connection. Returns whether the whole answer came; `None` if the connection was
    /// refused.
    async fn ask(port: u16) -> Option<bool> {
        let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.ok()?;
        let mut answer = [0; REQUEST.len()];
        let exchange = async {
            socket.write_all(REQUEST).await?;
            socket.read_exact(&mut answer).await
        };
        Some(matches!(time::timeout(Duration::from_millis(200), exchange).await, Ok(Ok(_))))
    }

    #[tokio::test]
    async fn requests_and_answers_get_lost_only_while_faults_are_on() {
        let (upstream, asked) = upstream().await;
        let proxy = Proxy::start(upstream, Rng::with_seed(1)).await;
        for _ in 0..100 {
            assert_eq!(ask(proxy.port).await, Some(true));
        }
        assert_eq!(asked.swap(0, Ordering::Relaxed), 100);

        proxy.cut(true);
        let (mut sent, mut answered, mut refused) = (0, 0, 0);
        while proxy.cuts().len() < 6 || refused == 0 {
            match ask(proxy.port).await {
                Some(whole) => {
                    sent += 1;
                    answered += u64::from(whole);
                }
                None => refused += 1,
            }
        }
        let arrived = asked.load(Ordering::Relaxed);
        assert!(answered < arrived && arrived < sent, "{sent} requests, {arrived} arrived, {answered} answered");

        proxy.cut(false);
        while ask(proxy.port).await.is_none() {}
        for _ in 0..100 {
            assert_eq!(ask(proxy.port).await, Some(true));
        }
    }
}
