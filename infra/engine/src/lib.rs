//! DynamoDB, SQS and Secrets Manager inside the process, behind the real AWS SDK.
//!
//! An [`Engine`] answers the requests of real SDK clients from an embedded DynamoDB (dynoxide), and from message queues
//! and secrets in memory, by taking the place of the SDK's HTTP client. Everything above the
//! network runs as it does in production: expressions, serialisation, errors, retries. It meters what DynamoDB would
//! bill, counts round trips, and loses, throttles or refuses requests where a test asks for it.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use engine::{Engine, Fault, ManualClock};
//! use template::Template;
//!
//! let clock = ManualClock::new(1_795_176_000_000);
//! let engine = Engine::new(clock.clone());
//! engine.create_tables(&Template::load(&template::locate()?)?.tables);
//! let dynamodb = aws_sdk_dynamodb::Client::new(&engine.sdk_config());
//!
//! engine.set_faults(|call| match call.operation {
//!     "TransactWriteItems" => Fault::LostAnswer,
//!     _ => Fault::None,
//! });
//! dynamodb.get_item().table_name("Fans").send().await?;
//! assert_eq!(engine.meter().round_trips, 1);
//! clock.advance_ms(300_000);
//! engine.sweep_ttl();
//! # Ok(())
//! # }
//! ```
//!
//! What it does not emulate by itself: throttling, transaction conflicts (inject both with [`Engine::set_faults`]) and
//! stale reads (all reads are strongly consistent).

mod access;
mod clock;
mod connector;
mod database;
mod engine;
mod fault;
mod meter;
mod protocol;
mod queues;
mod secrets;
mod world;

pub use access::{Access, run_as};
pub use clock::{Clock, ManualClock};
pub use database::plain_item;
pub use engine::Engine;
pub use fault::{Call, Fault, answer};
pub use meter::Meter;
pub use protocol::{Answer, DYNAMODB, SECRETS, SQS, error, parse, respond};
pub use queues::Message;
