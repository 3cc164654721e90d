//! The HTTP door: typed requests or a problem, and answers.

pub mod answer;
pub mod call;
pub mod callers;
pub mod cursor;
pub mod event;
mod fault;
pub mod problem;
pub mod requests;
pub mod sale;
pub mod tokens;
pub mod turn;
pub mod values;
pub mod views;

pub use answer::{Answer, json, no_content};
pub use call::Call;
pub use problem::Problem;
