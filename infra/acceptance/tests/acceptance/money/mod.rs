//! Balances, payments, refunds, and requests that are sent twice.

mod balances;
mod idempotency;
mod payment;
mod payment_races;
mod recharge_races;
mod refunds;
