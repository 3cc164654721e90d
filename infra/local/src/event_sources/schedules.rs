//! EventBridge schedules: the first run at the start, then one per period.

use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::json;
use template::Schedule;
use tokio::time;
use uuid::Uuid;

use super::sources::invoke;
use crate::{
    aws::{ACCOUNT, REGION},
    control::Functions,
};

/// Starts the schedule, which runs until the process ends.
pub fn start(schedule: &Schedule, functions: Functions) {
    let Schedule { function, name, every, .. } = schedule.clone();
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
            // No retry: Lambda retries after a minute, and by then the next run is due.
            if let Err(error) = invoke(&functions, &function, &event).await {
                eprintln!("{function} ({name}): {error}");
            }
        }
    });
}
