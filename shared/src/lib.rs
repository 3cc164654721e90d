//! The code that all functions share, from the inside out: [`domain`] (pure rules: no AWS, no clock, no I/O),
//! `store` (DynamoDB keys and expressions), `http` (extraction, problem+json, tokens), `telemetry`, and the
//! `bootstrap` that turns a handler into a Lambda function. The domain compiles without the feature `aws`.

pub mod domain;

#[cfg(feature = "aws")]
pub mod app;
#[cfg(feature = "aws")]
pub mod bootstrap;
#[cfg(feature = "aws")]
pub mod config;
#[cfg(feature = "aws")]
pub mod context;
#[cfg(feature = "aws")]
pub mod deadline;
#[cfg(feature = "aws")]
pub mod events;
#[cfg(feature = "aws")]
pub mod http;
#[cfg(feature = "aws")]
pub mod passwords;
#[cfg(feature = "aws")]
pub mod queues;
#[cfg(feature = "aws")]
pub mod secrets;
#[cfg(feature = "aws")]
pub mod store;
#[cfg(feature = "aws")]
pub mod telemetry;
#[cfg(feature = "aws")]
pub mod webhooks;
