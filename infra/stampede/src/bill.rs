//! The bill. Tables that are warmed and environments that are provisioned cost more: they are not in it.

use crate::sale::{Kind, Sale};

/// Prices, in USD for a million: on-demand units, requests of an HTTP API, invocations.
const WRITE: f64 = 0.625;
const READ: f64 = 0.125;
const REQUEST: f64 = 1.0;
const INVOCATION: f64 = 0.2;
/// USD for a gigabyte-second (Arm).
const GB_SECOND: f64 = 0.000_013_333_4;
/// Gigabytes of a function.
const MEMORY: f64 = 1.769;
const MILLION: f64 = 1_000_000.0;

/// Lines of the bill: what, and USD.
pub fn lines(sale: &Sale) -> Vec<(String, f64)> {
    let mut lines = Vec::new();
    for (kind, name) in Kind::ALL {
        let (writes, reads) = sale.used[kind as usize];
        lines.push((format!("DynamoDB, {name}"), (writes * WRITE + reads * READ) / MILLION));
    }
    let requests: u64 = sale.front.requests.iter().sum();
    let seconds = sale.front.busy.iter().sum::<u64>() as f64 / MILLION;
    lines.push(("API Gateway".to_owned(), (requests + sale.front.refused.1) as f64 * REQUEST / MILLION));
    lines.push(("Lambda".to_owned(), requests as f64 * INVOCATION / MILLION + seconds * MEMORY * GB_SECOND));
    lines
}
