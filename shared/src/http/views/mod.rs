//! Bodies of answers, as the contract writes them.

mod accounts;
mod concerts;
mod purchases;
mod queues;

pub use accounts::*;
pub use concerts::*;
pub use purchases::*;
pub use queues::*;
