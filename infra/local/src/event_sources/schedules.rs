//! EventBridge schedules: once at the start, then at their rate.

use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::json;
use template::Schedule;
use tokio::time;
use uuid::Uuid;

use super::invoke;
use crate::{
    control::Functions,
    environment::{ACCOUNT, REGION},
};

/// Starts the schedule.
pub fn start(schedule: &Schedule, functions: Functions) {
    let Schedule { function, name, every } = schedule.clone();
    tokio::spawn(async move {
        let mut ticks = time::interval(every);
        loop {
            ticks.tick().await;
            let event = json!({
                "version": "0",
                "id": Uuid::new_v4().to_string(),
                "detail-type": "Scheduled Event",
                "source": "aws.events",
                "account": ACCOUNT,
                "time": DateTime::<Utc>::from(SystemTime::now()).to_rfc3339_opts(SecondsFormat::Secs, true),
                "region": REGION,
                "resources": [format!("arn:aws:events:{REGION}:{ACCOUNT}:rule/{function}-{name}")],
                "detail": {},
            });
            // Lambda would try again a minute later; by then the next tick has come.
            if let Err(error) = invoke(&functions, &function, &event).await {
                eprintln!("{function} ({name}): {error}");
            }
        }
    });
}
