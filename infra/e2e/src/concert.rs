//! A concert that a test sells.

/// A concert of one test.
#[derive(Debug, Clone)]
pub struct Concert {
    /// The id.
    pub id: String,
    /// The id of the queue in front of it.
    pub queue: String,
    /// The price of each seat.
    pub price: u64,
}
