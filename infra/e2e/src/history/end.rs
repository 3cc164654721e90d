//! What is there when a sale is over.

use std::collections::BTreeMap;

use serde_json::Value;

/// The final state of a fan's account.
#[derive(Debug, Default)]
pub struct Account {
    /// The entries of the ledger, oldest first.
    pub ledger: Vec<Value>,
    /// The balance.
    pub balance: u64,
    /// The reservations.
    pub reservations: Vec<Value>,
}

/// The final state, at quiescence, and the settings of the sale.
#[derive(Debug, Default)]
pub struct End {
    /// The accounts by fan id.
    pub accounts: BTreeMap<String, Account>,
    /// The status of each seat by its number.
    pub seats: BTreeMap<u64, String>,
    /// The revenue in the sales report.
    pub revenue: u64,
    /// The price of each seat.
    pub price: u64,
    /// The capacity of the queue: the number of sessions that may be live at once.
    pub capacity: usize,
    /// How long an admitted fan may take to claim the place (milliseconds).
    pub claim_window_ms: u64,
}
