//! HTTP: requests as typed values or problems, tokens, and answers.

pub mod answer;
pub mod call;
pub mod callers;
pub mod cursor;
pub mod documents;
pub mod event;
pub mod layer;
mod parse_error;
pub mod problem;
pub mod requests;
pub mod routes;
pub mod sale;
pub mod token_answer;
pub mod tokens;
pub mod values;
pub mod views;

pub use answer::{Answer, json, no_content};
pub use call::Call;
pub use problem::Problem;
