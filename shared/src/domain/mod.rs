//! The rules of a sale, as plain functions and types: no AWS, no clock, no input or output. Time, randomness and ids
//! are arguments.

pub mod account;
pub mod amount;
pub mod availability;
pub mod buckets;
pub mod claims;
pub mod concert;
pub mod history;
pub mod id;
pub mod layout;
pub mod ledger;
pub mod limit;
pub mod origin;
pub mod pace;
pub mod polling;
pub mod promotion;
pub mod queue;
pub mod refusal;
pub mod reservation;
pub mod session;
pub mod survey;
pub mod text;
pub mod ticket;
pub mod time;
pub mod wake;
pub mod zone;
