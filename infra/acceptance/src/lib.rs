//! The deployed handlers in one process: an API Gateway event in, an answer out, real SDK clients, a real DynamoDB
//! engine, and a clock that tests set.

pub mod budget;
mod functions;
mod request;
mod world;

pub use functions::NAMES as FUNCTIONS;
pub use request::{Reply, Request};
pub use world::{Fan, START_MILLIS, World};
