//! What every function has at hand.

use crate::{
    config::Config,
    context::Context,
    domain::time::Timestamp,
    http::{cursor::Cursors, tokens::Tokens},
    queues::MessageQueues,
    store::Store,
};

/// Parameters, clients, keys, clock: made once, before the first request.
pub struct App {
    /// The deployment's parameters.
    pub config: Config,
    /// The tables.
    pub store: Store,
    /// The message queues.
    pub queues: MessageQueues,
    /// The signing keys.
    pub tokens: Tokens,
    /// The keys of cursors.
    pub cursors: Cursors,
    /// Time, randomness and ids.
    pub context: Context,
}

impl App {
    /// From the parameters, clients of one's own and a context.
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
            config,
            context,
        })
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        self.context.now()
    }
}
