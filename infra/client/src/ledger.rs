//! A fan's ledger.

use serde_json::Value;

use crate::reply::Reply;

/// A fan's ledger, oldest entry first.
#[derive(Debug, Clone)]
pub struct Ledger {
    /// The entries.
    pub entries: Vec<Value>,
    /// The balance that the API shows.
    pub balance: i64,
}

impl Ledger {
    /// Reads the answers to [`crate::Fan::history`] and [`crate::Fan::balance`].
    ///
    /// # Errors
    /// When they have another form, or the ledger has more than one page.
    pub fn new(history: &Reply, balance: &Reply) -> Result<Self, String> {
        let (Some(items), Some(balance)) = (history.body["items"].as_array(), balance.body["currentBalance"].as_i64())
        else {
            return Err(format!("no ledger: {}, {}", history.body, balance.body));
        };
        if !history.body["nextCursor"].is_null() {
            return Err("the ledger has more than one page".to_owned());
        }
        Ok(Self { entries: items.iter().rev().cloned().collect(), balance })
    }

    /// Checks invariant 2: numbers 1, 2, 3 ... without a gap, entries that add up to the balance at each of them, and no
    /// negative balance.
    ///
    /// # Errors
    /// The violation, in words.
    pub fn check(&self) -> Result<(), String> {
        let mut sum = 0;
        for (entry, number) in self.entries.iter().zip(1_u64..) {
            if entry["sequence"] != number {
                return Err(format!("the numbers have a gap: {:?}", self.entries));
            }
            let amount = entry["amount"].as_i64().ok_or_else(|| format!("no amount: {entry}"))?;
            sum += if entry["type"] == "PAYMENT" { -amount } else { amount };
            if sum < 0 || entry["balanceAfter"] != sum {
                return Err(format!("the balance after entry {number} is not {sum}: {:?}", self.entries));
            }
        }
        if self.balance == sum { Ok(()) } else { Err(format!("the balance {} is not {sum}", self.balance)) }
    }

    /// Asserts what [`Ledger::check`] checks.
    ///
    /// # Panics
    /// When the invariant is violated.
    pub fn assert_adds_up(&self) {
        self.check().unwrap_or_else(|violation| panic!("{violation}"));
    }

    /// The number of entries of a type: `CHARGE`, `PAYMENT` or `REFUND`.
    pub fn count(&self, entry_type: &str) -> usize {
        self.entries.iter().filter(|entry| entry["type"] == entry_type).count()
    }
}
