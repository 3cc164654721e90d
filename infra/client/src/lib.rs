//! The API of one deployment over HTTP or HTTPS, as clients use it. For `cargo smoke`, `cargo crowd` and the end-to-end
//! tests.
//!
//! A [`Client`] belongs to a [`BaseUrl`]. It prepares requests, and so does a [`Fan`], an account with its tokens. A
//! [`Request`] is sent with [`Request::try_send`], or with [`Request::send`] in tests, which panics without an answer.
//! [`Client::with_patience`] repeats requests that are refused for the moment, as the contract asks of clients.

mod base_url;
mod client;
mod concert;
mod connections;
mod failure;
mod fan;
mod ledger;
pub mod password;
mod reply;
mod request;
mod retry;
mod signals;

pub use base_url::BaseUrl;
pub use client::Client;
pub use concert::Concert;
pub use failure::Failure;
pub use fan::Fan;
pub use hyper::{HeaderMap, Method};
pub use ledger::Ledger;
pub use reply::Reply;
pub use request::Request;
pub use signals::Signals;
