//! How many holds a session makes: each is counted, and none is made past the limit.

use crate::change::{Change, number};
use serde_json::Value;
use shared::config::Config;

/// The limit of holds for a session.
#[derive(Debug)]
pub struct Sessions {
    holds_per_session: u64,
}

impl Sessions {
    /// The limit of a deployment.
    pub fn new(config: &Config) -> Self {
        Sessions { holds_per_session: u64::from(config.holds_per_session) }
    }

    /// Checks that a session's `holdsMade` grows by the holds that a change adds, up to the limit.
    pub fn session(&self, change: &Change, wrong: &mut Vec<String>) {
        let (old, new) = (&change.old, &change.new);
        if new.is_null() {
            return;
        }
        let listed = |session: &Value, id: &String| session["holds"].get(id).is_some();
        let holds = new["holds"].as_object().into_iter().flat_map(|holds| holds.keys());
        let added = holds.filter(|id| !listed(old, id)).count() as u64;
        let made = number(new, "holdsMade");
        if made != number(old, "holdsMade") + added || made > self.holds_per_session {
            wrong.push(format!("holds of a session: {added} more, limit {}: {change}", self.holds_per_session));
        }
    }
}
