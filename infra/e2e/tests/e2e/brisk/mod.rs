//! Tests on the stack in which time flies.

mod expiry;
mod line;
mod neighbours;
