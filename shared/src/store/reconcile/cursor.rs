//! Where the last run stopped, and what it suspects.

use super::super::keys::{Key, Table};
use crate::domain::{reconcile::Difference, time::Timestamp};
use serde::{Deserialize, Serialize};

/// Suspects that may wait. It bounds the item, and what their second looks cost.
const MAX_SUSPECTS: usize = 50;

/// One of the tables that are scanned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) enum Scanned {
    /// Ledgers and reservations.
    #[default]
    Fans,
    /// Seats and their counts.
    Concerts,
}

impl Scanned {
    pub(super) const fn table(self) -> Table {
        match self {
            Scanned::Fans => Table::Fans,
            Scanned::Concerts => Table::Concerts,
        }
    }
}

/// The key of an item in its table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    pub(super) pk: String,
    pub(super) sk: String,
}

/// A difference that was seen once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Suspect {
    pub(super) difference: Difference,
    pub(super) table: Scanned,
    pub(super) pk: String,
    pub(super) sk: String,
    /// The version of a count: one that was counted again since is no longer suspected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<u64>,
    pub(super) seen_at: Timestamp,
}

impl Suspect {
    pub(super) fn key(&self) -> Key {
        Key { table: self.table.table(), pk: self.pk.clone(), sk: self.sk.clone() }
    }

    /// When the second look is due.
    pub(super) fn second_look_at(&self) -> Timestamp {
        self.seen_at + self.difference.second_look_after()
    }
}

/// The progress of all runs. The default is the beginning of a round.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Cursor {
    /// Grows with each run that is saved.
    pub(super) version: u64,
    /// The table that is scanned.
    pub(super) table: Scanned,
    /// The item after which the scan goes on; `None` for the beginning of the table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) after: Option<Position>,
    /// Differences that wait for their second look, at most [`MAX_SUSPECTS`].
    pub(super) suspects: Vec<Suspect>,
}

impl Cursor {
    /// Whether there is no room for another suspect.
    pub(super) fn is_full(&self) -> bool {
        self.suspects.len() >= MAX_SUSPECTS
    }

    /// Notes a difference at an item of the table that is scanned; returns `false` without room for it. One that waits
    /// already keeps its time.
    pub(super) fn suspect(&mut self, difference: Difference, key: &Key, version: Option<u64>, now: Timestamp) -> bool {
        let known = |it: &Suspect| (it.difference, &it.pk, &it.sk) == (difference, &key.pk, &key.sk);
        if self.suspects.iter().any(known) {
            return true;
        }
        if self.is_full() {
            return false;
        }
        let (pk, sk) = (key.pk.clone(), key.sk.clone());
        self.suspects.push(Suspect { difference, table: self.table, pk, sk, version, seen_at: now });
        true
    }

    /// Goes on after this item.
    pub(super) fn stop_after(&mut self, key: &Key) {
        self.after = Some(Position { pk: key.pk.clone(), sk: key.sk.clone() });
    }

    /// Goes on after the `last` item of a part; after the end of a table, with the other one. Returns whether that was
    /// the last table.
    pub(super) fn next_part(&mut self, last: Option<Position>) -> bool {
        let table_over = last.is_none();
        self.after = last;
        if !table_over {
            return false;
        }
        let round_over = self.table == Scanned::Concerts;
        self.table = if round_over { Scanned::Fans } else { Scanned::Concerts };
        round_over
    }
}
