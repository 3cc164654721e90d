//! The address of a deployment.

use std::{fmt, net::IpAddr, str::FromStr};

use hyper::http::uri::{Authority, Scheme, Uri};

/// Scheme, host and port of a deployment, such as `https://abc.execute-api.us-east-1.amazonaws.com`.
///
/// A base URL has no path: the paths of the API begin at the root, as the default stage of API Gateway serves them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    scheme: Scheme,
    authority: Authority,
}

impl BaseUrl {
    /// Whether requests go over TLS.
    pub fn is_https(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    /// The host: a name or an address, without the port.
    pub fn host(&self) -> &str {
        self.authority.host()
    }

    /// Whether the host is this machine: a loopback address, `localhost` or a name below `localhost`.
    pub fn is_loopback(&self) -> bool {
        let host = self.host();
        let address = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        is_local_name(host) || address.parse().is_ok_and(|address: IpAddr| address.is_loopback())
    }

    /// Host and port as in the `Host` header.
    pub(crate) fn authority(&self) -> &str {
        self.authority.as_str()
    }
}

/// Whether a name always means this machine (RFC 6761): `localhost`, or one below it.
pub(crate) fn is_local_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)
    }
}

impl FromStr for BaseUrl {
    /// One sentence. It never repeats a password that the text may have.
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // First, so that no other sentence shows them.
        if text.contains('@') {
            return Err("a URL with a user name or password in it is not accepted".to_owned());
        }
        let parts = text.parse::<Uri>().map(Uri::into_parts);
        let parts = parts.map_err(|error| format!("{text:?} is no URL: {error}"))?;
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return Err(format!("{text:?} is no URL: it begins with neither https:// nor http://"));
        };
        if scheme != Scheme::HTTPS && scheme != Scheme::HTTP {
            return Err(format!("a URL begins with https:// or http://, not with {scheme}://"));
        }
        let host = authority.host();
        let port = authority.as_str().get(host.len()..).unwrap_or_default();
        if host.is_empty() || !(port.is_empty() || authority.port_u16().is_some_and(|port| port > 0)) {
            return Err(format!("{text:?} is no URL: host or port is wrong"));
        }
        let path = parts.path_and_query.as_ref().map_or("", |path| path.as_str());
        if !["", "/"].contains(&path) || text.contains('#') {
            return Err(format!("{scheme}://{authority} is enough: the paths of the API begin at the root of a host"));
        }
        Ok(Self { scheme, authority })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> BaseUrl {
        text.parse().expect("a base URL")
    }

    #[test]
    fn a_base_url_is_scheme_and_host() {
        for (text, shown) in [
            ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
            ("http://127.0.0.1:9000/", "http://127.0.0.1:9000"),
            ("https://api.example.com", "https://api.example.com"),
            ("HTTPS://api.example.com:8443/", "https://api.example.com:8443"),
            ("http://[::1]:9000", "http://[::1]:9000"),
        ] {
            assert_eq!(parsed(text).to_string(), shown);
        }
        assert!(parsed("HTTPS://a.b").is_https() && !parsed("http://a.b").is_https());
    }

    #[test]
    fn only_this_machine_is_loopback() {
        for own in ["127.0.0.1:9000", "127.8.0.1", "[::1]:1", "localhost", "LocalHost:80", "api.localhost"] {
            assert!(parsed(&format!("http://{own}")).is_loopback(), "{own}");
        }
        for other in ["10.0.0.1", "[::2]", "notlocalhost", "localhost.example.com", "127.0.0.1.example.com"] {
            assert!(!parsed(&format!("http://{other}")).is_loopback(), "{other}");
        }
    }

    #[test]
    fn anything_else_is_refused_in_words_without_a_password() {
        let path = "https://a.b is enough: the paths of the API begin at the root of a host";
        for (text, sentence) in [
            ("https://mina:secret@a.b", "a URL with a user name or password in it is not accepted"),
            ("https://a.b/prod", path),
            ("https://a.b/?x=1", path),
            ("https://a.b/#top", path),
            ("a.b", "\"a.b\" is no URL: it begins with neither https:// nor http://"),
            ("/api", "\"/api\" is no URL: it begins with neither https:// nor http://"),
            ("ftp://a.b", "a URL begins with https:// or http://, not with ftp://"),
            ("https://a.b:99999", "\"https://a.b:99999\" is no URL: host or port is wrong"),
            ("https://a.b:0", "\"https://a.b:0\" is no URL: host or port is wrong"),
            ("https://:443", "\"https://:443\" is no URL: host or port is wrong"),
        ] {
            assert_eq!(text.parse::<BaseUrl>(), Err(sentence.to_owned()));
        }
        for text in ["", "https://", "https://a b", "http://a.b:x"] {
            assert!(text.parse::<BaseUrl>().is_err(), "{text}");
        }
    }
}
