//! Connections: HTTP/1.1 in plain text or over TLS.

use std::{
    future::Future,
    io,
    net::{Ipv4Addr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
    vec,
};

use http_body_util::Full;
use hyper::body::Bytes;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{
        Client,
        connect::{
            HttpConnector,
            dns::{GaiResolver, Name},
        },
    },
    rt::TokioExecutor,
};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs::default_provider};
use tower_service::Service;

use crate::{
    base_url::{BaseUrl, is_local_name},
    failure::Failure,
};

/// How long a connection may take, without its TLS handshake.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The pool of connections.
pub type Connections = Client<HttpsConnector<HttpConnector<Resolver>>, Full<Bytes>>;

/// Makes a pool for a deployment. Certificates are checked against the roots of this machine, or against those in the
/// file that `SSL_CERT_FILE` names.
///
/// # Errors
/// [`Failure::Certificate`] where this machine has no roots.
pub fn pool(url: &BaseUrl) -> Result<Connections, Failure> {
    let mut http = HttpConnector::new_with_resolver(Resolver(GaiResolver::new()));
    http.set_nodelay(true);
    http.set_connect_timeout(Some(CONNECT_TIMEOUT));
    // Or it refuses https:// before TLS sees it.
    http.enforce_http(false);
    let builder = HttpsConnectorBuilder::new();
    let builder = if url.is_https() {
        let found = builder.with_provider_and_native_roots(default_provider());
        found.map_err(|error| Failure::Certificate(format!("this machine has no usable root certificates: {error}")))?
    } else {
        builder.with_tls_config(without_roots()?)
    };
    let https = builder.https_or_http().enable_http1().wrap_connector(http);
    Ok(Client::builder(TokioExecutor::new()).build(https))
}

/// For plain HTTP: reading the roots takes tens of milliseconds.
fn without_roots() -> Result<ClientConfig, Failure> {
    let versions =
        ClientConfig::builder_with_provider(Arc::new(default_provider())).with_safe_default_protocol_versions();
    let versions = versions.map_err(|error| Failure::Certificate(error.to_string()))?;
    Ok(versions.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
}

/// Finds the addresses of a name. `localhost` and what is below it are this machine, as browsers and curl have it, also
/// where the system's resolver does not know that. An emulator of API Gateway has such names.
#[derive(Clone)]
pub struct Resolver(GaiResolver);

type Addresses = vec::IntoIter<SocketAddr>;

impl Service<Name> for Resolver {
    type Response = Addresses;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Addresses>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let local = is_local_name(name.as_str()) && name.as_str().contains('.');
        let found = self.0.call(name);
        Box::pin(async move {
            match found.await {
                Ok(addresses) => Ok(addresses.collect::<Vec<_>>().into_iter()),
                // The connector sets the port.
                Err(_) if local => Ok(vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))].into_iter()),
                Err(error) => Err(error),
            }
        })
    }
}
