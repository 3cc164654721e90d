//! Secrets Manager in memory: the versions of each secret, by its name.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use crate::protocol::{Answer, error};

/// The value of a version, and when it was stored, in milliseconds since the Unix epoch.
type Version = (String, u64);

/// The secrets. The newest version is the current one, and the one before it the previous one.
#[derive(Debug, Default)]
pub(crate) struct Secrets {
    versions: Mutex<BTreeMap<String, Vec<Version>>>,
}

impl Secrets {
    /// Stores a new version.
    pub(crate) fn put(&self, name: &str, value: &str, now_ms: u64) {
        let mut versions = self.versions.lock().unwrap_or_else(PoisonError::into_inner);
        versions.entry(name.to_owned()).or_default().push((value.to_owned(), now_ms));
    }

    pub(crate) fn execute(&self, operation: &str, request: &Value) -> Answer {
        let missing = |what| error(400, "ResourceNotFoundException", what);
        if operation != "GetSecretValue" {
            return error(400, "InvalidRequestException", "The embedded Secrets Manager reads secrets only.");
        }
        let name = request["SecretId"].as_str().unwrap_or_default();
        let stage = request["VersionStage"].as_str().unwrap_or("AWSCURRENT");
        let versions = self.versions.lock().unwrap_or_else(PoisonError::into_inner);
        let mut newest = versions.get(name).into_iter().flatten().rev();
        let found = match stage {
            "AWSCURRENT" => newest.next(),
            "AWSPREVIOUS" => newest.nth(1),
            _ => None,
        };
        let Some((value, stored_ms)) = found else {
            return missing("Secrets Manager can't find the specified secret value.");
        };
        let body = json!({
            "Name": name,
            "SecretString": value,
            "VersionStages": [stage],
            "CreatedDate": *stored_ms as f64 / 1000.0,
        });
        Answer { status: 200, body }
    }
}
