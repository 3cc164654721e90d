//! Tests on the stack with short timeouts.

mod expiry;
mod limits;
mod line;
mod neighbours;
