//! A concert on sale.

/// A concert on sale, as its buyers need it.
#[derive(Debug, Clone)]
pub struct Concert {
    /// The id.
    pub id: String,
    /// The id of the queue in front of it.
    pub queue: String,
    /// The price of each seat.
    pub price: u64,
}
