//! Limits against abuse: which acts are counted, by what (address, user name or fan), and in which minute (ADR 8).

use super::{
    id::UserId,
    time::{Seconds, Timestamp},
};
use std::{
    collections::VecDeque,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

/// The length of a window.
const WINDOW: Seconds = Seconds(60);
/// The least number of samples that fill the counter of an address. With fewer the limit would be too inexact.
const MIN_SAMPLES: u32 = 32;
/// The most holds of one fan that may be refused in any [`REFUSALS_WINDOW`]; the next request is answered 429.
pub const MAX_REFUSALS: usize = 20;
/// How long a refused hold counts against the limit.
pub const REFUSALS_WINDOW: Seconds = Seconds(10);
/// The low bits of an IPv6 address. A customer has at least a /64, and chooses these bits freely.
const IPV6_HOST_BITS: u32 = 64;

/// The deployment's limits: how often each act is allowed in one window. 0 means no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Accounts created from one address.
    pub sign_ups_per_address: u32,
    /// Login attempts from one address.
    pub logins_per_address: u32,
    /// Login attempts with one user name, whether or not an account has it.
    pub logins_per_username: u32,
    /// Joins from one address.
    pub joins_per_address: u32,
    /// Joins of one fan.
    pub joins_per_fan: u32,
}

/// An act that is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitedAction {
    /// Creating an account.
    SignUp,
    /// Trying a password.
    Login,
    /// Joining a queue.
    Join,
}

/// By what an act is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LimitKey {
    /// The address that the request came from.
    Address(Address),
    /// The user name that was tried: in lower case, or as sent if it cannot be a user name.
    Username(String),
    /// The fan who gets the place.
    Fan(UserId),
}

/// The most acts of one kind with one key in a window; 0 means no limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// The act that is limited.
    pub action: LimitedAction,
    /// By what the act is counted.
    pub key: LimitKey,
    /// The most acts in one window.
    pub max: u32,
}

impl Limit {
    /// One of this many acts is sampled, and a sample adds this much to the counter. It is above 1 only for an address
    /// with a limit of 64 or more, since every fan behind the address would write its counter. Fans and user names are
    /// counted exactly.
    pub fn step(&self) -> u32 {
        match self.key {
            LimitKey::Address(_) => (self.max / MIN_SAMPLES).max(1),
            LimitKey::Username(_) | LimitKey::Fan(_) => 1,
        }
    }

    /// What this act adds to its counter: [`Limit::step`] if the act is sampled, else `None`. `random` holds random
    /// bits.
    pub fn sample(&self, random: u128) -> Option<u32> {
        let step = self.step();
        random.is_multiple_of(u128::from(step)).then_some(step)
    }
}

impl Limits {
    /// The limits that a sign-up counts against.
    pub fn of_sign_up(&self, address: Address) -> [Limit; 1] {
        [Limit { action: LimitedAction::SignUp, key: LimitKey::Address(address), max: self.sign_ups_per_address }]
    }

    /// The limits that a login counts against. A text that cannot be a user name is counted like any other name.
    pub fn of_login(&self, address: Address, username: String) -> [Limit; 2] {
        let action = LimitedAction::Login;
        [
            Limit { action, key: LimitKey::Username(username), max: self.logins_per_username },
            Limit { action, key: LimitKey::Address(address), max: self.logins_per_address },
        ]
    }

    /// The limits that a join counts against.
    pub fn of_join(&self, address: Address, user: UserId) -> [Limit; 2] {
        let action = LimitedAction::Join;
        [
            Limit { action, key: LimitKey::Fan(user), max: self.joins_per_fan },
            Limit { action, key: LimitKey::Address(address), max: self.joins_per_address },
        ]
    }
}

/// A fixed window of time: its start belongs to it, its end does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    start: Timestamp,
}

impl Window {
    /// The length of a window, in milliseconds.
    pub const MILLIS: i64 = WINDOW.0 as i64 * 1_000;

    /// The window that a time is in.
    pub fn of(time: Timestamp) -> Self {
        Window { start: Timestamp::from_millis(time.millis().div_euclid(Self::MILLIS) * Self::MILLIS) }
    }

    /// When the window starts.
    pub fn start(self) -> Timestamp {
        self.start
    }

    /// When the window ends and the next one starts.
    pub fn end(self) -> Timestamp {
        self.start + WINDOW
    }
}

/// When the newest refused holds of one fan were refused, at most [`MAX_REFUSALS`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refusals(VecDeque<Timestamp>);

impl Refusals {
    /// Counts a refused hold.
    pub fn count(&mut self, now: Timestamp) {
        self.0.retain(|at| refused_lately(*at, now));
        if self.0.len() == MAX_REFUSALS {
            self.0.pop_front();
        }
        self.0.push_back(now);
    }

    /// Whole seconds until the fan may ask for seats again; `None` where the fan may ask now.
    pub fn retry_after(&self, now: Timestamp) -> Option<u64> {
        let lately = || self.0.iter().filter(|at| refused_lately(**at, now));
        let first = lately().min().filter(|_| lately().count() == MAX_REFUSALS)?;
        Some((*first + REFUSALS_WINDOW).seconds_left(now))
    }

    /// Whether no refused hold counts any more.
    pub fn are_over(&self, now: Timestamp) -> bool {
        !self.0.iter().any(|at| refused_lately(*at, now))
    }
}

/// Whether a hold that was refused `at` still counts. A time ahead of `now` does not count: after a clock was set back
/// it would shut the fan out until the clock has caught up.
fn refused_lately(at: Timestamp, now: Timestamp) -> bool {
    at <= now && now < at + REFUSALS_WINDOW
}

/// Where a request came from, in the form that is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Address {
    /// An IPv4 address, also if it was written in the form of IPv6.
    V4(Ipv4Addr),
    /// The first 64 bits of an IPv6 address; a customer chooses the others freely.
    V6(u64),
    /// A missing or unreadable address. All such requests share one counter, so that a client gains nothing by hiding.
    Unknown,
}

impl Address {
    /// The form in which a client's IP address is counted.
    pub fn of(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(ip) => Address::V4(ip),
            IpAddr::V6(ip) => Address::V6((ip.to_bits() >> IPV6_HOST_BITS) as u64),
        }
    }

    /// The client's address. Without `proxies` it is the peer of API Gateway. Behind them it is what the first proxy
    /// appended to `forwarded` (the value of `X-Forwarded-For`), where each proxy appends the peer that it sees.
    /// Entries further to the left are the client's own text and are never read. API Gateway may have appended its peer
    /// as well.
    pub fn of_client(peer: Option<&str>, forwarded: &str, proxies: usize) -> Self {
        let Some(peer) = peer.and_then(ip) else { return Address::Unknown };
        let Some(nth) = proxies.checked_sub(1) else { return Address::of(peer) };
        let own = usize::from(forwarded.rsplit(',').next().and_then(ip) == Some(peer));
        forwarded.rsplit(',').nth(own + nth).and_then(ip).map_or(Address::Unknown, Address::of)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::V4(ip) => ip.fmt(f),
            Address::V6(bits) => write!(f, "{}/64", Ipv6Addr::from_bits(u128::from(*bits) << IPV6_HOST_BITS)),
            Address::Unknown => f.write_str("unknown"),
        }
    }
}

/// An IP address, with or without a port.
fn ip(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    text.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_fan_is_stopped_exactly_at_the_limit_of_refusals_in_any_window(gaps in prop::collection::vec(0i64..700, 1..200)) {
            let (mut refusals, mut refused, mut now) = (Refusals::default(), Vec::new(), Timestamp::from_seconds(1_000));
            for gap in gaps {
                now = Timestamp::from_millis(now.millis() + gap);
                let lately = refused.iter().filter(|at| now < **at + REFUSALS_WINDOW).count();
                match refusals.retry_after(now) {
                    None => {
                        prop_assert!(lately < MAX_REFUSALS);
                        refusals.count(now);
                        refused.push(now);
                    }
                    Some(seconds) => {
                        prop_assert_eq!(lately, MAX_REFUSALS);
                        prop_assert!((1..=u64::from(REFUSALS_WINDOW.0)).contains(&seconds));
                        let then = now + Seconds(u32::try_from(seconds).unwrap());
                        prop_assert_eq!(refusals.retry_after(then), None, "the fan waited for Retry-After");
                    }
                }
                prop_assert!(!refusals.are_over(now) && refusals.are_over(now + REFUSALS_WINDOW));
            }
        }
    }

    proptest! {
        #[test]
        fn an_act_adds_one_on_average_whatever_the_limit(max in 1u32..200_000, from: u64) {
            let limit = of_address(max);
            let step = limit.step();
            // Each remainder of the dice once: the acts add as much as there are acts.
            let added: u32 = (0..step).filter_map(|act| limit.sample(u128::from(from) + u128::from(act))).sum();
            prop_assert_eq!(added, step);
        }
    }

    fn of_address(max: u32) -> Limit {
        Limit { action: LimitedAction::Join, key: LimitKey::Address(Address::Unknown), max }
    }

    /// Acts until the counter is full, with random bits from a small generator (SplitMix64).
    fn acts_until_full(limit: &Limit, state: &mut u64) -> u32 {
        let (mut acts, mut counted) = (0, 0);
        while counted < limit.max {
            *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            counted += limit.sample(u128::from(mixed ^ (mixed >> 31))).unwrap_or(0);
            acts += 1;
        }
        acts
    }

    #[test]
    fn an_address_is_sampled_about_32_times_until_its_counter_is_full() {
        let mut state = 22;
        for max in [64, 100, 300, 1_000, 100_000] {
            let limit = of_address(max);
            let runs: Vec<u32> = (0..400).map(|_| acts_until_full(&limit, &mut state)).collect();
            let mean = runs.iter().map(|acts| f64::from(*acts)).sum::<f64>() / 400.0;
            // The counter grows by whole steps. One run is off by about a sixth, the mean of 400 by less than 1%.
            let expected = f64::from(max.div_ceil(limit.step()) * limit.step());
            assert!((mean / expected - 1.0).abs() < 0.05, "{max}: {mean} on average");
            let (least, longest) = (runs.iter().min().unwrap(), runs.iter().max().unwrap());
            assert!(*least > max / 3 && *longest < max * 2, "{max}: {least} to {longest}");
            assert!((32..64).contains(&max.div_ceil(limit.step())), "{max}: writes until the counter is full");
        }
    }

    #[test]
    fn small_limits_fans_and_names_are_counted_exactly() {
        let mut state = 22;
        for max in [1, 2, 31, 32, 63] {
            assert_eq!(acts_until_full(&of_address(max), &mut state), max);
        }
        for key in [LimitKey::Fan(UserId(uuid::Uuid::nil())), LimitKey::Username("ann".to_owned())] {
            let limit = Limit { action: LimitedAction::Login, key, max: 100_000 };
            assert_eq!(acts_until_full(&limit, &mut state), 100_000);
        }
    }

    #[test]
    fn a_clock_that_was_set_back_shuts_nobody_out() {
        let (mut refusals, now) = (Refusals::default(), Timestamp::from_seconds(1_000));
        (0..MAX_REFUSALS).for_each(|_| refusals.count(now));
        assert_eq!(refusals.retry_after(now), Some(10));
        assert_eq!(refusals.retry_after(Timestamp::from_millis(now.millis() - 1)), None);
    }

    fn address(text: &str) -> Address {
        Address::of_client(Some(text), "", 0)
    }

    #[test]
    fn a_window_is_a_minute_of_the_clock() {
        let window = |millis| Window::of(Timestamp::from_millis(millis));
        assert_eq!(window(60_000), window(119_999));
        assert_ne!(window(59_999), window(60_000));
        assert_eq!(window(119_999).end(), window(120_000).start());
        assert_eq!(window(119_001).end().seconds_left(Timestamp::from_millis(119_001)), 1);
    }

    #[test]
    fn ipv6_counts_by_64_bits_and_ipv4_is_ipv4_in_any_form() {
        assert_eq!(address("2001:db8:1:2:3:4:5:6"), address("2001:db8:1:2:ffff::1"));
        assert_ne!(address("2001:db8:1:2::1"), address("2001:db8:1:3::1"));
        assert_eq!(address("::ffff:192.0.2.7"), address("192.0.2.7"));
        assert_ne!(address("192.0.2.7"), address("192.0.2.8"));
        assert_eq!(address("2001:db8:1:2:3:4:5:6").to_string(), "2001:db8:1:2::/64");
    }

    #[test]
    fn a_port_is_no_part_of_an_address() {
        assert_eq!(address("192.0.2.7:443"), address("192.0.2.7"));
        assert_eq!(address("[2001:db8::1]:443"), address("2001:db8::1"));
        assert_eq!(address(" 192.0.2.7 "), address("192.0.2.7"));
    }

    #[test]
    fn an_unreadable_address_is_unknown() {
        for odd in ["", "unknown", "192.0.2", "192.0.2.7, 192.0.2.8", "_hidden"] {
            assert_eq!(address(odd), Address::Unknown, "{odd}");
        }
        assert_eq!(Address::of_client(None, "192.0.2.7", 0), Address::Unknown);
        assert_eq!(Address::of_client(None, "192.0.2.7", 1), Address::Unknown);
    }

    #[test]
    fn without_proxies_the_header_is_ignored() {
        assert_eq!(Address::of_client(Some("192.0.2.7"), "198.51.100.1", 0), address("192.0.2.7"));
    }

    #[test]
    fn behind_proxies_only_their_own_entries_count() {
        let client = address("192.0.2.7");
        let one = |forwarded| Address::of_client(Some("203.0.113.1"), forwarded, 1);
        for forwarded in [
            "192.0.2.7",
            "192.0.2.7, 203.0.113.1",
            "198.51.100.1,192.0.2.7,203.0.113.1",
            "203.0.113.1, 192.0.2.7",
            "nonsense, 192.0.2.7:50000, 203.0.113.1",
        ] {
            assert_eq!(one(forwarded), client, "{forwarded}");
        }
        for missing in ["", "203.0.113.1", "192.0.2.7, nonsense", "192.0.2.7,"] {
            assert_eq!(one(missing), Address::Unknown, "{missing}");
        }
        let two = |forwarded| Address::of_client(Some("203.0.113.1"), forwarded, 2);
        assert_eq!(two("198.51.100.1, 192.0.2.7, 203.0.113.9, 203.0.113.1"), client);
        assert_eq!(two("192.0.2.7, 203.0.113.1"), Address::Unknown);
    }
}
