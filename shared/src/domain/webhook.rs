//! Webhooks: which addresses may be called, and when a delivery is tried again.

use super::{
    id::InvalidId,
    time::{Seconds, Timestamp},
};
use serde::{Deserialize, Serialize};
use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

/// The most webhooks of a deployment: each event costs a delivery to each of them.
pub const MAX_WEBHOOKS: usize = 10;
/// The most characters of a URL.
pub const MAX_URL_CHARS: usize = 2_000;
/// How long deliveries are kept.
pub const DELIVERY_LIFE: Seconds = Seconds(7 * 24 * 3_600);
/// A webhook that had no success for this long is disabled.
pub const MAX_FAILING: Seconds = Seconds(24 * 3_600);

/// The pauses after the failed attempts of a delivery, in seconds: together a little less than a day.
const BACK_OFF: [u32; 9] = [5, 30, 120, 600, 1_800, 3_600, 10_800, 21_600, 43_200];

/// The id of a webhook: 1 to 32 lower-case letters, digits and hyphens. The administrator who adds it chooses it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = String, pattern = "^[a-z0-9-]{1,32}$", example = "shop"))]
#[serde(try_from = "String", into = "String")]
pub struct WebhookId(String);

impl FromStr for WebhookId {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let slug = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if (1..=32).contains(&text.len()) && slug {
            Ok(WebhookId(text.to_owned()))
        } else {
            Err(InvalidId("must be 1 to 32 of a-z, 0-9 and -"))
        }
    }
}

impl TryFrom<String> for WebhookId {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<WebhookId> for String {
    fn from(id: WebhookId) -> String {
        id.0
    }
}

impl fmt::Display for WebhookId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a URL breaks, in words for the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidUrl(pub &'static str);

/// Checks the URL of a webhook: `https`, a host name with a dot whose last part begins with a letter, perhaps a port, a
/// path and a query. No address in place of the name, no user and no fragment: there is nothing in it that two parsers
/// could read in two ways. With `loopback`, for tests and the laptop, also `http://127.0.0.1` with a port, and
/// `https://localhost`.
///
/// # Errors
/// The rule that the URL breaks.
pub fn check_url(url: &str, loopback: bool) -> Result<(), InvalidUrl> {
    if url.len() > MAX_URL_CHARS {
        return Err(InvalidUrl("must have at most 2000 characters"));
    }
    let (authority, rest) = if let Some(rest) = url.strip_prefix("https://") {
        split_authority(rest)
    } else if let (Some(rest), true) = (url.strip_prefix("http://127.0.0.1"), loopback) {
        let (port, rest) = split_authority(rest);
        return if is_port(port.strip_prefix(':')) && is_path_and_query(rest) { Ok(()) } else { Err(OTHER) };
    } else {
        return Err(InvalidUrl("must begin with https://"));
    };
    let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
    let local = loopback && host == "localhost";
    if !is_host(host) && !local {
        return Err(InvalidUrl("must have the name of a public host, not an address"));
    }
    let port_fits = port.is_none() || is_port(port);
    if port_fits && is_path_and_query(rest) { Ok(()) } else { Err(OTHER) }
}

const OTHER: InvalidUrl = InvalidUrl("must have no user, no fragment, and only the characters that URLs allow");

fn split_authority(rest: &str) -> (&str, &str) {
    rest.split_at(rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len()))
}

fn is_port(port: Option<&str>) -> bool {
    let digits = port.filter(|port| !port.starts_with('0') && port.bytes().all(|b| b.is_ascii_digit()));
    digits.is_some_and(|port| port.parse::<u16>().is_ok())
}

/// A name with a dot. Its last part begins with a letter, so that no resolver takes it for an address such as
/// `127.1` or `0x7f000001`.
fn is_host(host: &str) -> bool {
    let label = |label: &str| {
        let letters = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        letters && (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
    };
    let last = host.rsplit('.').next().unwrap_or_default();
    host.contains('.') && host.split('.').all(label) && last.starts_with(|c: char| c.is_ascii_alphabetic())
}

fn is_path_and_query(rest: &str) -> bool {
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let common = |b: u8| b.is_ascii_alphanumeric() || b"._~!$&'()*+,;=:@%/-".contains(&b);
    (path.is_empty() || path.starts_with('/'))
        && path.bytes().all(common)
        && query.bytes().all(|b| common(b) || b == b'?')
}

/// Whether an address belongs to a host of the public internet: not loopback, private, link-local (the metadata
/// service of a cloud among them), shared by a carrier, multicast, reserved, for documentation, or an IPv4 address of
/// these kinds in IPv6 clothes.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = match (a, b, c) {
        (0 | 10 | 127, ..) => true,
        // Shared by the customers of a carrier (RFC 6598).
        (100, 64..=127, _) => true,
        (169, 254, _) | (172, 16..=31, _) | (192, 168, _) => true,
        // IETF protocols, documentation, the former 6to4 relays, benchmarks.
        (192, 0, 0 | 2) | (192, 88, 99) | (198, 18 | 19, _) | (198, 51, 100) | (203, 0, 113) => true,
        // Multicast, reserved, broadcast.
        (224..=255, ..) => true,
        _ => false,
    };
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let [high, low] = [segments[6], segments[7]].map(u16::to_be_bytes);
    let embedded = Ipv4Addr::new(high[0], high[1], low[0], low[1]);
    match segments {
        // Translated to IPv4 (RFC 6052): what counts is the address behind it.
        [0x64, 0xff9b, 0, 0, 0, 0, ..] => is_public_v4(embedded),
        // 6to4 (RFC 3056) and Teredo carry an IPv4 address too; neither is in use.
        [0x2002, ..] | [0x2001, 0..=0x01ff, ..] => false,
        // Documentation.
        [0x2001, 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] => false,
        // Global unicast is 2000::/3. All else is loopback, mapped IPv4, local, link-local, multicast or not assigned.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

/// When a delivery is tried again after this many attempts, at the earliest; `None` if that was the last one.
pub fn next_attempt(attempts: u32, now: Timestamp) -> Option<Timestamp> {
    let index = usize::try_from(attempts.saturating_sub(1)).ok()?;
    BACK_OFF.get(index).map(|seconds| now + Seconds(*seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_urls_with_a_host_name_are_accepted() {
        for good in [
            "https://example.com",
            "https://hooks.example.com/stagedoor?key=a%20b",
            "https://a.b:8443/",
            "https://Example.COM:65535/x;y=1",
            "https://xn--bcher-kva.example/",
        ] {
            assert_eq!(check_url(good, false), Ok(()), "{good}");
        }
        for bad in [
            "http://example.com/",
            "HTTPS://example.com/",
            "ftp://example.com/",
            "//example.com",
            "",
            "https://",
            "https://localhost/",
            "https://127.0.0.1/",
            "https://10.0.0.1/hook",
            "https://169.254.169.254/latest/meta-data/",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://127.1/",
            "https://example.com./",
            "https://example..com/",
            "https://-a.example.com/",
            "https://user@example.com/",
            "https://user:secret@example.com/",
            "https://example.com:0/",
            "https://example.com:65536/",
            "https://example.com:/",
            "https://example.com/#part",
            "https://example.com\\@evil.example/",
            "https://example.com/a b",
            "https://exämple.com/",
            "https://example.com/\r\nHost: evil",
            "http://127.0.0.1:80/",
        ] {
            assert!(check_url(bad, false).is_err(), "{bad}");
        }
        assert!(check_url(&format!("https://example.com/{}", "a".repeat(MAX_URL_CHARS)), false).is_err());
    }

    #[test]
    fn loopback_is_accepted_only_where_it_is_switched_on() {
        assert_eq!(check_url("http://127.0.0.1:8080/hook", true), Ok(()));
        for bad in
            ["http://127.0.0.1/", "http://127.0.0.11:80/", "http://127.0.0.1:80@evil.example/", "http://10.0.0.1:80/"]
        {
            assert!(check_url(bad, true).is_err(), "{bad}");
        }
    }

    #[test]
    fn addresses_that_are_not_of_the_public_internet_are_refused() {
        let public =
            ["1.1.1.1", "93.184.216.34", "172.15.0.1", "172.32.0.1", "100.63.0.1", "100.128.0.1", "2606:4700::1111"];
        for address in public.iter().chain(&["64:ff9b::101:101"]) {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
        for address in [
            "0.0.0.0",
            "10.1.2.3",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "198.18.0.1",
            "198.51.100.7",
            "203.0.113.7",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:93.184.216.34",
            "::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
            "2002:7f00:1::",
            "3fff::1",
            "100::1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn a_delivery_is_tried_ten_times_within_a_day() {
        let (mut now, start) = (Timestamp::from_seconds(0), Timestamp::from_seconds(0));
        let mut attempts = 1;
        while let Some(next) = next_attempt(attempts, now) {
            assert!(next > now);
            (now, attempts) = (next, attempts + 1);
        }
        assert_eq!(attempts, 10);
        assert!(now.millis_since(start) < f64::from(MAX_FAILING.0) * 1_000.0);
        assert_eq!(next_attempt(0, start), Some(start + Seconds(5)), "put off without an attempt");
    }
}
