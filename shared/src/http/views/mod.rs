//! Bodies of answers, as the contract writes them.

mod accounts;
mod concerts;
mod operations;
mod purchases;
mod queues;

pub use accounts::*;
pub use concerts::*;
pub use operations::*;
pub use purchases::*;
pub use queues::*;
