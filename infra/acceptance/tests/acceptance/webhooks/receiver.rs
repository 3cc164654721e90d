//! A receiver of webhooks on this machine.

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

/// What a receiver got in one request.
#[derive(Debug, Clone)]
pub struct Post {
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Post {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub fn event(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    /// How many of the signatures this key made.
    pub fn signatures_of(&self, public_key: &str) -> usize {
        let key = BASE64_STANDARD.decode(public_key.strip_prefix("whpk_").expect("a public key")).expect("base64");
        let content = format!("{}.{}.{}", self.header("webhook-id"), self.header("webhook-timestamp"), self.body);
        let good = |signature: &&str| {
            let bytes = BASE64_STANDARD.decode(signature.strip_prefix("v1a,").expect("Ed25519")).expect("base64");
            UnparsedPublicKey::new(&ED25519, &key).verify(content.as_bytes(), &bytes).is_ok()
        };
        self.header("webhook-signature").split(' ').filter(good).count()
    }
}

#[derive(Default)]
struct State {
    /// The status line and further headers of an answer.
    answer: String,
    /// How long it takes for an answer.
    delay: Duration,
    posts: Vec<Post>,
}

/// Answers each request in the same way, and remembers all of them. Its thread ends with the test's process.
pub struct Receiver {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Receiver {
    /// A receiver that answers 204.
    pub fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        Self::at(listener)
    }

    fn at(listener: TcpListener) -> Self {
        let address = listener.local_addr().expect("bound");
        let state = Arc::new(Mutex::new(State { answer: "204 No Content".to_owned(), ..State::default() }));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                // A connection that breaks off is the client's affair.
                let _ = serve(connection, &shared);
            }
        });
        Receiver { address, state }
    }

    /// A place where nobody listens, and the receiver that comes there once `start` is called.
    pub fn down() -> (Down, String) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound");
        (Down(address), format!("http://{address}/hook"))
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// Answers with another status from now on, such as `302 Found\r\nlocation: /elsewhere`.
    pub fn answer(&self, answer: &str) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).answer = answer.to_owned();
    }

    /// Takes this long for each answer from now on.
    pub fn delay(&self, delay: Duration) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).delay = delay;
    }

    pub fn posts(&self) -> Vec<Post> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).posts.clone()
    }

    /// The ids of the events, each once.
    pub fn ids(&self) -> BTreeSet<String> {
        self.posts().iter().map(|post| post.header("webhook-id").to_owned()).collect()
    }
}

/// A receiver that is not there yet.
pub struct Down(SocketAddr);

impl Down {
    pub fn start(&self) -> Receiver {
        Receiver::at(TcpListener::bind(self.0).expect("the port is still free"))
    }
}

fn serve(connection: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut reader = BufReader::new(connection.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let (answer, delay) = {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        state.posts.push(Post { headers, body: String::from_utf8_lossy(&body).into_owned() });
        (state.answer.clone(), state.delay)
    };
    thread::sleep(delay);
    write!(&connection, "HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
}
