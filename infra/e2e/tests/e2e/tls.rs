//! TLS in front of a server of this machine.

use std::{path::PathBuf, sync::Arc};

use rustls::{
    ServerConfig,
    crypto::aws_lc_rs::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;
use tools::workspace;

const CERTIFICATE: &str = "infra/e2e/tests/tls/certificate.pem";
const KEY: &str = "infra/e2e/tests/tls/key.pem";

/// The file with the self-signed certificate of `localhost`, until 2126.
pub fn certificate() -> PathBuf {
    workspace::root().join(CERTIFICATE)
}

/// A TLS server on a free port in front of a port of this machine.
pub async fn in_front_of(port: u16) -> (u16, JoinHandle<()>) {
    let chain = vec![CertificateDer::from_pem_file(certificate()).expect("a certificate")];
    let key = PrivateKeyDer::from_pem_file(workspace::root().join(KEY)).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()));
    let config = config.with_safe_default_protocol_versions().expect("versions").with_no_client_auth();
    let acceptor = TlsAcceptor::from(Arc::new(config.with_single_cert(chain, key).expect("a pair")));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let own_port = listener.local_addr().expect("bound").port();
    let server = tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // A client that does not accept the certificate ends the connection.
                let Ok(mut client) = acceptor.accept(client).await else { return };
                let Ok(mut server) = TcpStream::connect(("127.0.0.1", port)).await else { return };
                let _ = copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    (own_port, server)
}
