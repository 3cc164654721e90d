//! Bodies of answers, as the contract writes them.

mod accounts;
mod concerts;
mod operations;
mod purchases;
mod queues;
mod webhooks;

pub use accounts::*;
pub use concerts::*;
pub use operations::*;
pub use purchases::*;
pub use queues::*;
pub use webhooks::*;
