//! Why there is no answer.

use std::{error::Error, fmt, io, time::Duration};

use crate::base_url::BaseUrl;

/// No answer: the reason in one sentence, for people. It shows no header and no body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// No connection: nothing listens, or the name is unknown.
    Unreachable(String),
    /// TLS failed: the certificate is not valid here, or the other side speaks no TLS. Never sent again.
    Certificate(String),
    /// No answer in time. The request may have taken effect.
    Timeout(String),
    /// The connection ended before the end of the answer. The request may have taken effect.
    Broken(String),
    /// The request cannot be sent as it is.
    Invalid(String),
}

impl Failure {
    /// Whether the same request may get an answer later.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Timeout(_) | Self::Broken(_))
    }

    pub(crate) fn timeout(url: &BaseUrl, after: Duration) -> Self {
        Self::Timeout(format!("{} did not answer within {} s", url.authority(), after.as_secs()))
    }

    /// The failure behind an error of the HTTP library.
    pub(crate) fn of_exchange(url: &BaseUrl, error: &(dyn Error + 'static)) -> Self {
        let links = chain(error);
        let address = url.authority();
        if let Some(tls) = links.iter().find_map(|link| link.downcast_ref::<rustls::Error>()) {
            return Self::Certificate(match tls {
                rustls::Error::InvalidCertificate(_) => format!("the certificate of {address} is not accepted: {tls}"),
                rustls::Error::InvalidMessage(_) => format!("{address} does not speak TLS: {tls}"),
                other => format!("no TLS connection to {address}: {other}"),
            });
        }
        let texts: Vec<String> = links.iter().map(ToString::to_string).collect();
        let cause = texts.last().map_or("unknown", String::as_str);
        if texts.iter().any(|text| text.starts_with("dns error")) {
            return Self::Unreachable(format!("the name {} cannot be resolved: {cause}", url.host()));
        }
        let connecting = links.iter().find_map(|link| link.downcast_ref::<hyper_util::client::legacy::Error>());
        if connecting.is_some_and(hyper_util::client::legacy::Error::is_connect) {
            return Self::Unreachable(format!("no connection to {address}: {cause}"));
        }
        Self::Broken(format!("the connection to {address} ended before the answer: {cause}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Unreachable(text)
        | Self::Certificate(text)
        | Self::Timeout(text)
        | Self::Broken(text)
        | Self::Invalid(text)) = self;
        f.write_str(text)
    }
}

impl Error for Failure {}

/// An error and all that it came from.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> Vec<&'a (dyn Error + 'static)> {
    let mut links = Vec::new();
    let mut next = Some(error);
    while let Some(link) = next {
        links.push(link);
        // The source of an I/O error is that of the error inside it, which would be left out.
        let inside = link.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = inside.map(|inside| inside as &(dyn Error + 'static)).or_else(|| link.source());
    }
    links
}
