//! What runs without a request: streams, timers, sweeps, TTL.

mod reconcile;
mod sent_events;
mod stream;
pub mod sweep;
mod sweep_sizes;
mod timers;
mod ttl;
mod ttl_table;
