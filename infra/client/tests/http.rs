//! Requests against a server that answers what each test says.

use std::{net::Ipv4Addr, time::Duration};

use client::{Client, Failure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 18\r\nconnection: close\r\n\r\n{\"status\": \"good\"}";
const BUSY: &str = "HTTP/1.1 503 Busy\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// A server that gives each connection the next of `answers`, and a client of it.
async fn serve(host: &str, answers: &'static [&'static str]) -> Client {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    tokio::spawn(async move {
        for answer in answers {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut request = [0; 4_096];
            let _ = stream.read(&mut request).await.expect("a request");
            stream.write_all(answer.as_bytes()).await.expect("it is read");
        }
    });
    Client::new(format!("http://{host}:{port}").parse().expect("a URL")).expect("no TLS")
}

#[tokio::test]
async fn a_name_below_localhost_is_this_machine() {
    let client = serve("api.localhost", &[OK]).await;
    let reply = client.get("/health").try_send().await.expect("an answer");
    assert_eq!((reply.status, reply.text("status"), reply.attempts), (200, "good", 1));
}

#[tokio::test]
async fn a_patient_client_sends_a_refused_request_again_after_the_pause() {
    let client = serve("127.0.0.1", &[BUSY, OK]).await.with_patience(Duration::from_secs(5));
    let reply = client.get("/health").try_send().await.expect("an answer");
    assert_eq!((reply.status, reply.attempts), (200, 2));
}

#[tokio::test]
async fn without_enough_patience_the_refusal_is_the_answer() {
    for patience in [Duration::ZERO, Duration::from_millis(900)] {
        let client = serve("127.0.0.1", &[BUSY, OK]).await.with_patience(patience);
        let reply = client.get("/health").try_send().await.expect("an answer");
        assert_eq!((reply.status, reply.attempts), (503, 1));
    }
}

#[tokio::test]
async fn no_answer_is_a_failure_in_one_sentence() {
    let client = serve("127.0.0.1", &["HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{"]).await;
    let torn = client.get("/health").try_send().await.expect_err("no answer");
    assert!(matches!(&torn, Failure::Broken(text) if text.contains("ended before the answer")), "{torn:?}");
    let refused = client.get("/health").try_send().await.expect_err("nobody listens any more");
    let address = client.url().to_string().replace("http://", "");
    let expected = format!("no connection to {address}: Connection refused");
    assert!(matches!(&refused, Failure::Unreachable(text) if text.starts_with(&expected)), "{refused:?}");
}
