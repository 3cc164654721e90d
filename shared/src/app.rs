//! What every function works with: parameters, clients, keys and a clock.

use crate::{
    config::Config,
    context::Context,
    domain::time::Timestamp,
    http::{cursor::Cursors, documents::Documents, tokens::Tokens},
    queues::MessageQueues,
    store::Store,
};

/// Parameters, clients, keys and clock of a function, built once before the first request.
pub struct App {
    /// The deployment's parameters.
    pub config: Config,
    /// The tables in DynamoDB.
    pub store: Store,
    /// The message queues.
    pub queues: MessageQueues,
    /// Signs and verifies tokens.
    pub tokens: Tokens,
    /// Signs and verifies the cursors of lists.
    pub cursors: Cursors,
    /// Public documents in memory.
    pub documents: Documents,
    /// The source of time, randomness and ids.
    pub context: Context,
}

impl App {
    /// Builds the parts from parameters, clients and a context; tests and the simulation pass their own.
    ///
    /// # Errors
    /// A message where no signing key can be derived.
    pub fn new(
        config: Config,
        dynamo: aws_sdk_dynamodb::Client,
        sqs: aws_sdk_sqs::Client,
        context: Context,
    ) -> Result<Self, String> {
        Ok(App {
            store: Store::new(dynamo, &config, context.clone()),
            queues: MessageQueues::new(sqs, &config),
            tokens: Tokens::new(&config.token_signing_secrets)?,
            cursors: Cursors::new(&config.token_signing_secrets),
            documents: Documents::new(),
            config,
            context,
        })
    }

    /// The time by the context's clock.
    pub fn now(&self) -> Timestamp {
        self.context.now()
    }
}
