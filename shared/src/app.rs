//! What every function works with: parameters, clients, keys and a clock.

use crate::{
    config::Config,
    context::Context,
    domain::time::Timestamp,
    http::{cursor::Cursors, documents::Documents, tokens::Tokens},
    queues::MessageQueues,
    secrets::Secrets,
    store::Store,
    telemetry::line::Lines,
    webhooks::{Sender, SystemResolver},
};
use std::sync::Arc;

/// Parameters, clients, keys and clock of a function, built once before the first request.
pub struct App {
    /// The deployment's parameters.
    pub config: Config,
    /// The tables in DynamoDB.
    pub store: Store,
    /// The message queues.
    pub queues: MessageQueues,
    /// The signing secret.
    pub secrets: Arc<Secrets>,
    /// Signs and verifies tokens.
    pub tokens: Tokens,
    /// Signs and verifies the cursors of lists.
    pub cursors: Cursors,
    /// Public documents in memory.
    pub documents: Documents,
    /// Posts events to webhooks.
    pub webhooks: Sender,
    /// The source of time, randomness and ids.
    pub context: Context,
    /// Writes a line for each invocation; [`bootstrap`](crate::bootstrap) says where to.
    pub lines: Lines,
}

impl App {
    /// Builds the parts from parameters, clients, the signing secret and a context; tests and the simulation pass their
    /// own.
    pub fn new(
        config: Config,
        dynamo: aws_sdk_dynamodb::Client,
        sqs: aws_sdk_sqs::Client,
        secrets: Secrets,
        context: Context,
    ) -> Self {
        let secrets = Arc::new(secrets);
        App {
            store: Store::new(dynamo, &config, Arc::clone(&secrets), context.clone()),
            queues: MessageQueues::new(sqs, &config),
            tokens: Tokens::new(Arc::clone(&secrets)),
            cursors: Cursors::new(Arc::clone(&secrets), context.clone()),
            secrets,
            documents: Documents::new(),
            webhooks: Sender::new(Arc::new(SystemResolver), config.webhooks_to_loopback),
            config,
            context,
            lines: Lines::none(),
        }
    }

    /// The time by the context's clock.
    pub fn now(&self) -> Timestamp {
        self.context.now()
    }
}
