//! The deployment's parameters, read once from the environment. Their defaults are those of template.yaml.

use crate::domain::{
    limit::Limits,
    origin::AllowedOrigins,
    queue::{QueueRules, bounds},
    time::Seconds,
    zone::TimeZone,
};
use std::{env, str::FromStr};

/// A variable that is missing or not valid. The error does not repeat the value.
#[derive(Debug, thiserror::Error)]
#[error("environment variable {name}: {problem}")]
pub struct ConfigError {
    name: &'static str,
    problem: &'static str,
}

/// The parameters of a deployment, as every function reads them.
#[derive(Debug, Clone)]
pub struct Config {
    /// The table of accounts, balances, ledgers and reservations.
    pub fans_table: String,
    /// The table of concerts and seats.
    pub concerts_table: String,
    /// The table of queues, tickets and sessions.
    pub queues_table: String,
    /// The table of counters against abuse.
    pub limits_table: String,
    /// The table of join counters.
    pub joins_table: String,
    /// The message queue for ticks of queues in which fans wait.
    pub ticks_queue_url: String,
    /// The message queue for ticks of queues in which nobody waits.
    pub quiet_ticks_queue_url: String,
    /// The message queue of the sequencer.
    pub sequencer_queue_url: String,
    /// The message queue for expiry timers.
    pub timers_queue_url: String,
    /// The message queue for domain events.
    pub events_queue_url: String,
    /// The message queue for events that go to webhooks.
    pub webhooks_queue_url: String,
    /// The message queue for stream records that cannot be read.
    pub dead_letter_queue_url: String,
    /// The id or ARN of the signing secret in Secrets Manager.
    pub signing_secret: String,
    /// The namespace of the deployment's metrics in CloudWatch.
    pub metrics_namespace: String,
    /// How long a seat is held.
    pub hold: Seconds,
    /// Capacity and times of a queue that has none of its own.
    pub queue_rules: QueueRules,
    /// Seats that one session may hold and buy.
    pub seats_per_session: u32,
    /// Holds that one session may make, at least 1.
    pub holds_per_session: u32,
    /// Places that one fan may draw in one queue in an hour; 0 is no limit.
    pub places_per_fan: u32,
    /// Seconds between two promotion ticks.
    pub tick_seconds: u32,
    /// The currency, as an ISO 4217 code.
    pub currency: String,
    /// The time zone of concerts that have none of their own.
    pub time_zone: TimeZone,
    /// Whether the list of dates needs a token; else it is public.
    pub dates_for_tokens_only: bool,
    /// Whether a payment that is refused because the balance is too low cancels the hold at once.
    pub release_hold_on_insufficient_balance: bool,
    /// Whether fans may recharge their own balance; else only an admin may.
    pub recharge_by_fans: bool,
    /// How many sign-ups, logins and joins are allowed in a minute.
    pub limits: Limits,
    /// The origins whose pages may use the API.
    pub allowed_origins: AllowedOrigins,
    /// Whether webhooks may be on this machine, without TLS: for tests and the laptop. Not a parameter of the template.
    pub webhooks_to_loopback: bool,
    /// The number of trusted proxies between clients and API Gateway.
    pub proxies_in_front: usize,
    /// What the content delivery network in front sends with each request; `None` where requests may come without it.
    pub origin_secret: Option<String>,
}

impl Config {
    /// Reads the parameters from the environment of the process.
    ///
    /// # Errors
    /// The first variable that is missing or not valid.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_lookup(|name| env::var(name).ok())
    }

    /// Reads the parameters from any source of variables.
    ///
    /// # Errors
    /// The first variable that is missing or not valid.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let required = |name| lookup(name).ok_or(ConfigError { name, problem: "is not set" });
        let seconds = |name, default, range| number(&lookup, name, default, range).map(Seconds);
        let a_minute = |name, default| number(&lookup, name, default, 0..=1_000_000);
        Ok(Config {
            fans_table: required("FANS_TABLE")?,
            concerts_table: required("CONCERTS_TABLE")?,
            queues_table: required("QUEUES_TABLE")?,
            limits_table: required("LIMITS_TABLE")?,
            joins_table: required("JOINS_TABLE")?,
            ticks_queue_url: required("TICKS_QUEUE_URL")?,
            quiet_ticks_queue_url: required("QUIET_TICKS_QUEUE_URL")?,
            sequencer_queue_url: required("SEQUENCER_QUEUE_URL")?,
            timers_queue_url: required("TIMERS_QUEUE_URL")?,
            events_queue_url: required("EVENTS_QUEUE_URL")?,
            webhooks_queue_url: required("WEBHOOKS_QUEUE_URL")?,
            dead_letter_queue_url: required("DEAD_LETTER_QUEUE_URL")?,
            signing_secret: required("SIGNING_SECRET")?,
            metrics_namespace: lookup("METRICS_NAMESPACE").unwrap_or_else(|| "stagedoor".to_owned()),
            hold: seconds("HOLD_SECONDS", 300, bounds::HOLD_SECONDS)?,
            queue_rules: QueueRules {
                capacity: number(&lookup, "QUEUE_CAPACITY", 10, bounds::CAPACITY)?,
                claim_window: seconds("CLAIM_WINDOW_SECONDS", 180, bounds::CLAIM_WINDOW_SECONDS)?,
                active: seconds("ACTIVE_SECONDS", 600, bounds::ACTIVE_SECONDS)?,
                waiting: seconds("WAITING_SECONDS", 7_200, bounds::WAITING_SECONDS)?,
            },
            seats_per_session: number(&lookup, "SEATS_PER_SESSION", 4, 1..=8)?,
            holds_per_session: number(&lookup, "HOLDS_PER_SESSION", 30, 1..=1_000)?,
            places_per_fan: number(&lookup, "PLACES_PER_FAN", 30, 0..=1_000_000)?,
            tick_seconds: number(&lookup, "TICK_SECONDS", 10, 1..=60)?,
            currency: lookup("CURRENCY").unwrap_or_else(|| "KRW".to_owned()),
            time_zone: lookup("TIME_ZONE").map_or(Ok(TimeZone::SEOUL), |name| {
                name.parse().map_err(|problem| ConfigError { name: "TIME_ZONE", problem })
            })?,
            dates_for_tokens_only: choice(&lookup, "DATES_ACCESS", ["public", "token"])?,
            release_hold_on_insufficient_balance: choice(
                &lookup,
                "RELEASE_HOLD_ON_INSUFFICIENT_BALANCE",
                ["false", "true"],
            )?,
            recharge_by_fans: choice(&lookup, "RECHARGE_BY", ["admin", "fan"])?,
            limits: Limits {
                sign_ups_per_address: a_minute("SIGN_UPS_PER_ADDRESS", 300)?,
                logins_per_address: a_minute("LOGINS_PER_ADDRESS", 600)?,
                logins_per_username: a_minute("LOGINS_PER_USERNAME", 10)?,
                joins_per_address: a_minute("JOINS_PER_ADDRESS", 1_000)?,
                joins_per_fan: a_minute("JOINS_PER_FAN", 20)?,
            },
            allowed_origins: AllowedOrigins::parse(&lookup("ALLOWED_ORIGINS").unwrap_or_default())
                .map_err(|problem| ConfigError { name: "ALLOWED_ORIGINS", problem })?,
            webhooks_to_loopback: choice(&lookup, "WEBHOOKS_TO_LOOPBACK", ["false", "true"])?,
            proxies_in_front: number(&lookup, "PROXIES_IN_FRONT", 0, 0..=10)?,
            origin_secret: lookup("ORIGIN_SECRET").filter(|secret| !secret.is_empty()),
        })
    }
}

/// Reads a variable that has two values: false for the first or where it is not set, true for the second.
fn choice(
    lookup: &impl Fn(&str) -> Option<String>,
    name: &'static str,
    [first, second]: [&str; 2],
) -> Result<bool, ConfigError> {
    match lookup(name).as_deref() {
        None => Ok(false),
        Some(text) if text == first => Ok(false),
        Some(text) if text == second => Ok(true),
        Some(_) => Err(ConfigError { name, problem: "is not one of its two values" }),
    }
}

fn number<T: FromStr + PartialOrd>(
    lookup: &impl Fn(&str) -> Option<String>,
    name: &'static str,
    default: T,
    range: std::ops::RangeInclusive<T>,
) -> Result<T, ConfigError> {
    let Some(text) = lookup(name) else { return Ok(default) };
    text.parse()
        .ok()
        .filter(|value| range.contains(value))
        .ok_or(ConfigError { name, problem: "is not a number in range" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(changed: &'static str, value: Option<&'static str>) -> Result<Config, ConfigError> {
        Config::from_lookup(|name| match name {
            name if name == changed => value.map(str::to_owned),
            "HOLD_SECONDS" | "QUEUE_CAPACITY" | "TICK_SECONDS" | "SEATS_PER_SESSION" => None,
            "CURRENCY" | "TIME_ZONE" => None,
            "DATES_ACCESS" | "RELEASE_HOLD_ON_INSUFFICIENT_BALANCE" | "RECHARGE_BY" => None,
            name if name.ends_with("_SECONDS") || name.contains("_PER_") => None,
            "PROXIES_IN_FRONT" | "ALLOWED_ORIGINS" | "ORIGIN_SECRET" | "WEBHOOKS_TO_LOOPBACK" => None,
            name => Some(name.to_lowercase()),
        })
    }

    #[test]
    fn parameters_have_defaults_and_bounds() {
        let config = lookup("", None).unwrap();
        assert_eq!((config.hold, config.queue_rules.capacity, config.seats_per_session), (Seconds(300), 10, 4));
        assert!(lookup("HOLD_SECONDS", Some("0")).is_err());
        assert!(lookup("HOLD_SECONDS", Some("4")).is_ok());
        assert_eq!((config.holds_per_session, config.places_per_fan), (30, 30));
        assert!(lookup("SEATS_PER_SESSION", Some("many")).is_err());
        assert!(lookup("FANS_TABLE", None).is_err());
        assert!(lookup("DATES_ACCESS", Some("token")).unwrap().dates_for_tokens_only);
        assert!(lookup("DATES_ACCESS", Some("nobody")).is_err());
        assert!(!config.recharge_by_fans, "no deployment gives money away");
        assert!(lookup("RECHARGE_BY", Some("fan")).unwrap().recharge_by_fans);
        assert_eq!(config.time_zone, TimeZone::SEOUL);
        assert_eq!(lookup("TIME_ZONE", Some("Europe/Berlin")).unwrap().time_zone, "Europe/Berlin".parse().unwrap());
        assert!(lookup("TIME_ZONE", Some("Berlin")).is_err());
        assert!(!lookup("", None).unwrap().allowed_origins.allows("http://localhost"));
        assert!(lookup("ALLOWED_ORIGINS", Some("loopback")).unwrap().allowed_origins.allows("http://localhost"));
        assert!(lookup("ALLOWED_ORIGINS", Some("*")).is_err());
    }
}
