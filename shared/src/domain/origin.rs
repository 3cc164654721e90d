//! The web origins whose pages may use the API.

/// The most characters of an origin: a host name has at most 253.
const MAX_ORIGIN_BYTES: usize = 280;
const LOOPBACK: &str = "loopback";
const LOOPBACK_HOSTS: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// The origins that a deployment allows: those that are listed, and with `loopback` every page of the machine itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedOrigins {
    loopback: bool,
    listed: Vec<String>,
}

impl AllowedOrigins {
    /// Parses a comma-separated list, which may be empty. An entry is an origin as browsers send it, or `loopback`.
    ///
    /// # Errors
    /// What is wrong with an entry. A browser would never send it, so it would allow nobody.
    pub fn parse(list: &str) -> Result<Self, &'static str> {
        let mut origins = AllowedOrigins::default();
        if list.trim().is_empty() {
            return Ok(origins);
        }
        for entry in list.split(',').map(str::trim) {
            match entry {
                LOOPBACK => origins.loopback = true,
                "" => return Err("has an empty origin: look for a comma too many"),
                "*" => return Err("has *: name each origin"),
                entry if is_origin(entry) => origins.listed.push(entry.to_owned()),
                _ => {
                    return Err("has an entry that no browser sends: \
                                write https://example.com, in lower case, without path and default port");
                }
            }
        }
        Ok(origins)
    }

    /// Whether pages of this origin may use the API. Compares byte by byte: browsers send one spelling.
    pub fn allows(&self, origin: &str) -> bool {
        self.listed.iter().any(|listed| listed == origin) || (self.loopback && is_loopback(origin))
    }
}

/// Splits an origin into scheme, host and port.
fn parts(origin: &str) -> Option<(&str, &str, Option<&str>)> {
    let (scheme, authority) = origin.split_once("://")?;
    let end_of_host = if authority.starts_with('[') { authority.find(']')? + 1 } else { 0 };
    match authority[end_of_host..].split_once(':') {
        None => Some((scheme, authority, None)),
        Some((rest, port)) => Some((scheme, &authority[..end_of_host + rest.len()], Some(port))),
    }
}

fn is_port(scheme: &str, port: &str) -> bool {
    let default = if scheme == "https" { "443" } else { "80" };
    let number = port.parse::<u16>().is_ok_and(|port| port > 0);
    number && port.bytes().all(|b| b.is_ascii_digit()) && !port.starts_with('0') && port != default
}

fn is_origin(text: &str) -> bool {
    let host_is_valid = |host: &str| match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok_and(|parsed| parsed.to_string() == address),
        None => !host.is_empty() && host.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_')),
    };
    text.len() <= MAX_ORIGIN_BYTES
        && parts(text).is_some_and(|(scheme, host, port)| {
            ["http", "https"].contains(&scheme) && host_is_valid(host) && port.is_none_or(|port| is_port(scheme, port))
        })
}

fn is_loopback(origin: &str) -> bool {
    parts(origin).is_some_and(|(scheme, host, port)| {
        scheme == "http" && LOOPBACK_HOSTS.contains(&host) && port.is_none_or(|port| is_port(scheme, port))
    })
}

#[cfg(test)]
mod tests {
    use super::AllowedOrigins;

    #[test]
    fn only_listed_origins_are_allowed_byte_by_byte() {
        let origins =
            AllowedOrigins::parse(" https://shop.example.com , http://localhost:8080,https://[2001:db8::1]:444")
                .expect("a list");
        for allowed in ["https://shop.example.com", "http://localhost:8080", "https://[2001:db8::1]:444"] {
            assert!(origins.allows(allowed), "{allowed}");
        }
        for foreign in [
            "",
            "null",
            "*",
            "loopback",
            "https://shop.example.com/",
            "https://shop.example.com:443",
            "http://shop.example.com",
            "https://SHOP.example.com",
            "https://shop.example.com.evil.example",
            "https://evil-shop.example.com",
            "https://shop.example.com,http://localhost:8080",
            "http://localhost:80801",
            "http://localhost",
        ] {
            assert!(!origins.allows(foreign), "{foreign}");
        }
        assert!(!AllowedOrigins::parse("").expect("none").allows("https://shop.example.com"));
    }

    #[test]
    fn loopback_is_every_port_of_the_machine_itself_and_nothing_else() {
        let origins = AllowedOrigins::parse("loopback").expect("a list");
        for allowed in
            ["http://localhost", "http://localhost:3000", "http://127.0.0.1:1", "http://[::1]:65535", "http://[::1]"]
        {
            assert!(origins.allows(allowed), "{allowed}");
        }
        for foreign in [
            "http://localhost.evil.example",
            "http://localhost:",
            "http://localhost:x",
            "http://localhost:65536",
            "http://localhost:+1",
            "http://localhost:3000/",
            "http://127.0.0.2",
            "http://[::2]",
            "http://[::1",
            "http://[::1]x",
            "http://[::1].evil.example",
            "http://localhost@evil.example",
            "file://localhost",
            "null",
            "",
        ] {
            assert!(!origins.allows(foreign), "{foreign}");
        }
    }

    #[test]
    fn an_entry_that_no_browser_sends_is_refused() {
        for list in [
            "*",
            "https://a.example,",
            ",",
            "https://",
            "https://A.example",
            "https://a.example/",
            "https://a.example:443",
            "http://a.example:80",
            "https://a.example:0",
            "https://a.example:080",
            "https://a.example:65536",
            "https://u@a.example",
            "ftp://a.example",
            "a.example",
            "null",
            "https://[::1",
            "https://[0:0::1]",
            "https://a b",
        ] {
            assert!(AllowedOrigins::parse(list).is_err(), "{list}");
        }
    }
}
