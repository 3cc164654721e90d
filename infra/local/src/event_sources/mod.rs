//! Event sources, which invoke functions without a client: schedules, SQS event source mappings, DynamoDB streams.

mod delivery;
mod failed_items;
mod filter;
mod messages;
mod schedules;
mod sources;
mod streams;

use std::sync::Arc;

use template::Template;

use crate::failure::{Context, Failure};

pub use sources::Sources;

/// Starts every event source of the template; each runs until the process ends.
///
/// # Errors
/// When the template names a table or message queue that does not exist, a filter is not supported, or a stream cannot
/// be read.
pub fn start(template: &Template, sources: Arc<Sources>) -> Result<(), Failure> {
    for trigger in &template.stream_triggers {
        let table = template.table(&trigger.table).ok_or_else(|| Failure::new(&trigger.table))?;
        streams::start(trigger, table, Arc::clone(&sources)).context(format!("stream of {}", table.name))?;
    }
    for trigger in &template.queue_triggers {
        messages::start(trigger, &sources)?;
    }
    for schedule in template.schedules.iter().filter(|schedule| schedule.enabled) {
        schedules::start(schedule, sources.functions.clone());
    }
    Ok(())
}
