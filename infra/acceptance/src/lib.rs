//! The deployed handlers in one process: an API Gateway event in, an answer out, real SDK clients, the embedded
//! DynamoDB engine, and a clock that tests set.

mod background;
pub mod budget;
pub mod functions;
pub mod grants;
pub mod halls;
pub mod piles;
mod request;
mod route;
pub mod sent_events;
mod world;

pub use background::{Background, feed_stream, stream};
pub use functions::NAMES as FUNCTIONS;
pub use request::{Reply, Request};
pub use route::route;
pub use world::{Fan, SECRET, SIGNING_SECRET, START_MILLIS, World};
