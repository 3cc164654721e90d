//! Tests on the stack in which time flies.

mod expiry;
mod limits;
mod line;
mod neighbours;
