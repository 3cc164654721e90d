//! What the simulated network knows: transactions in flight and their tokens, earlier versions of items, and what
//! passed so far.

mod stale;
mod tokens;

use crate::{change::ItemKey, mutation::Guards};
use stale::Versions;
use std::{collections::BTreeSet, sync::Mutex};
use tokens::Tokens;

/// The state of the network.
#[derive(Debug, Default)]
pub struct NetworkState {
    /// Items that a transaction in flight owns.
    pub owned: Mutex<BTreeSet<ItemKey>>,
    /// The client tokens of transactions.
    pub tokens: Mutex<Tokens>,
    /// Earlier versions of items, for eventually consistent reads.
    pub versions: Mutex<Versions>,
    /// The mutations that the requests so far allow.
    pub guards: Mutex<Guards>,
    /// How many requests were sent.
    pub requests: Mutex<u64>,
}
