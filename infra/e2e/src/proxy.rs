//! A TCP proxy in front of a stack's database that cuts the connections of its functions.
//!
//! It knows of HTTP only that a client does not send the next request before it has the answer to the last, and of
//! DynamoDB how to tell a write.

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

/// Ports that the system does not give to connections: none of them may land on ours while nobody listens there.
const PORTS: std::ops::Range<u16> = 20_000..30_000;
/// The proxy listens again as soon as it can.
const BIND_PAUSE: Duration = Duration::from_millis(5);
/// How much is passed on at once.
const CHUNK: usize = 16 * 1024;
/// Pauses between outages, in milliseconds.
const BETWEEN_OUTAGES: std::ops::Range<u64> = 400..1_400;
/// How long an outage lasts, in milliseconds: from what the SDK's own retries outlast to what they do not.
const OUTAGE: std::ops::Range<u64> = 50..500;
/// How long an outage waits for a write.
const LONGEST_WRITE: Duration = Duration::from_secs(1);
/// Operations that write, as a request's header names them.
const WRITES: [&[u8]; 3] = [b".TransactWriteItems", b".UpdateItem", b".PutItem"];

/// What becomes of one request to the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cut {
    /// The connection is cut before the request goes on.
    RequestLost,
    /// The request goes on, and both connections are cut at once.
    UnderWay,
    /// The connection is cut when the database has answered.
    AnswerLost,
    /// The connection is cut in the middle of the answer.
    AnswerTorn,
    /// The database has answered, and the connection stays silent.
    Stalled,
    /// All connections are cut as soon as a write has been done and before that is answered, and for a while none is
    /// accepted: whoever wrote is left without an answer by the SDK's own retries, too.
    Outage,
}

/// Cuts by their chances, in thousandths of the requests.
const CHANCES: [(Cut, u32); 5] =
    [(Cut::RequestLost, 25), (Cut::UnderWay, 15), (Cut::AnswerLost, 30), (Cut::AnswerTorn, 15), (Cut::Stalled, 3)];

/// A proxy that runs until it is dropped. It passes everything on until it is told to cut.
pub struct Proxy {
    /// Where it listens, on 127.0.0.1.
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
    /// The next write brings an outage.
    armed: AtomicBool,
    /// It has been done.
    written: Notify,
}

impl Proxy {
    /// Starts a proxy for the database on `upstream`, on 127.0.0.1.
    ///
    /// # Panics
    /// When it finds no free port.
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

    /// Begins or ends to cut.
    pub fn cut(&self, cutting: bool) {
        self.cutting.send_replace(cutting);
    }

    /// What was cut how often.
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
            // Dropping them cuts all connections.
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

    /// Accepts until that fails; the listener is closed with it.
    async fn accept(self: &Arc<Self>, listener: TcpListener, connections: &mut JoinSet<()>) {
        while let Ok((client, _)) = listener.accept().await {
            while connections.try_join_next().is_some() {}
            let shared = Arc::clone(self);
            connections.spawn(async move {
                // An end by itself is an end like another.
                let _ = shared.carry(client).await;
            });
        }
    }

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
                // The writer may die before that.
                let _ = time::timeout(LONGEST_WRITE, self.written.notified()).await;
            };
            tokio::select! {
                () = write => return,
                _ = cutting.wait_for(|cutting| !*cutting) => self.armed.store(false, Ordering::Relaxed),
            }
        }
    }

    /// Waits for the end of an outage.
    async fn outlast(&self) {
        let outage = self.between(OUTAGE);
        let mut cutting = self.cutting.clone();
        tokio::select! {
            () = time::sleep(outage) => {}
            _ = cutting.wait_for(|cutting| !*cutting) => {}
        }
    }

    /// Carries one connection until one end closes it or it is cut. Its sockets are reset when this is dropped.
    async fn carry(&self, mut client: TcpStream) -> io::Result<()> {
        let mut server = TcpStream::connect(self.upstream).await?;
        for socket in [&client, &server] {
            socket.set_nodelay(true)?;
            socket.set_zero_linger()?;
        }
        let (mut question, mut answer) = (vec![0; CHUNK], vec![0; CHUNK]);
        // The request that is under way, and what is to become of it.
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
                            // Until the client loses patience.
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

    /// What is to become of a request: nothing bad, most of the time.
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

    /// Something that answers every request with the same bytes, and counts them.
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

    /// Asks once on a connection of its own; whether the whole answer came, or nothing if there was no connection.
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
    async fn requests_and_answers_get_lost_while_it_cuts_and_none_before_or_after() {
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
