//! The addresses of receivers. A name may point inside a network although its URL looks public, and may point elsewhere
//! a second later: so the addresses are checked where the connection is made, and the connection goes to one of them.

use crate::domain::webhook::is_public;
use futures_util::future::BoxFuture;
use hyper_util::client::legacy::connect::dns::Name;
use std::{
    fmt, io,
    net::{IpAddr, SocketAddr, ToSocketAddrs},
    sync::Arc,
    task::{Context, Poll},
    vec,
};
use tower_service::Service;

/// Finds the addresses of a host name.
pub trait Resolve: Send + Sync {
    /// Returns the addresses of a name.
    fn resolve(&self, host: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

/// The resolver of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, host: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let host = host.to_owned();
        Box::pin(async move {
            let look_up = move || (host.as_str(), 0).to_socket_addrs();
            let found = tokio::task::spawn_blocking(look_up).await.map_err(io::Error::other)??;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// A host name has no address that may be called.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the host name has no public address")]
pub(super) struct NotPublic;

/// Whether an address may be called: a public one, or with `loopback` also `127.0.0.1`.
pub(super) fn may_call(address: IpAddr, loopback: bool) -> bool {
    is_public(address) || (loopback && address.is_loopback())
}

/// Hands the connector the addresses of a name that may be called, and no others.
#[derive(Clone)]
pub(super) struct PublicOnly {
    pub(super) resolver: Arc<dyn Resolve>,
    pub(super) loopback: bool,
}

impl fmt::Debug for PublicOnly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicOnly").field("loopback", &self.loopback).finish_non_exhaustive()
    }
}

impl Service<Name> for PublicOnly {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Self::Response>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (found, loopback) = (self.resolver.resolve(name.as_str()), self.loopback);
        Box::pin(async move {
            let found = found.await.map_err(|_| io::Error::other(NotPublic))?;
            let allowed = found.into_iter().filter(|address| may_call(*address, loopback));
            // The connector puts in the port of the URL.
            let allowed: Vec<SocketAddr> = allowed.map(|address| SocketAddr::new(address, 0)).collect();
            if allowed.is_empty() { Err(io::Error::other(NotPublic)) } else { Ok(allowed.into_iter()) }
        })
    }
}
