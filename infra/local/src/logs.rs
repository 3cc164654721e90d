//! `cargo local logs`: what all functions logged of one request.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    path::Path,
    process::ExitCode,
};

use serde_json::Value;

use crate::failure::{Context, Failure};

/// Prints the lines about a request from the logs in the stack's directory, by time.
///
/// # Errors
/// When the directory of the logs, or one of them, cannot be read.
#[expect(clippy::print_stdout, reason = "the answer to the command")]
pub fn print(directory: &Path, request: &str) -> Result<ExitCode, Failure> {
    let lines = about(&directory.join("logs"), request)?;
    if lines.is_empty() {
        eprintln!("cargo local: no line about {request} in {}", directory.join("logs").display());
        return Ok(ExitCode::FAILURE);
    }
    lines.iter().for_each(|line| println!("{line}"));
    Ok(ExitCode::SUCCESS)
}

fn about(logs: &Path, request: &str) -> Result<Vec<String>, Failure> {
    let shown = logs.display().to_string();
    let mut found = Vec::new();
    for entry in fs::read_dir(logs).context(&shown)? {
        let path = entry.context(&shown)?.path();
        let file = BufReader::new(File::open(&path).context(path.display())?);
        for line in file.lines() {
            let line = line.context(path.display())?;
            // Cheap first: most lines are about other requests.
            if line.contains(request)
                && let Ok(members) = serde_json::from_str::<Value>(&line)
                && is_about(&members, request)
            {
                found.push((members["timestamp"].as_str().unwrap_or_default().to_owned(), line));
            }
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, line)| line).collect())
}

/// Whether a line names the request: that of an invocation, or of a failure.
fn is_about(line: &Value, request: &str) -> bool {
    [&line["requestId"], &line["fields"]["request_id"]].iter().any(|id| id.as_str() == Some(request))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn lines_of_one_request_come_from_all_functions_by_time() {
        let logs = std::env::temp_dir().join(format!("stagedoor-logs-{}", Uuid::new_v4()));
        fs::create_dir_all(&logs).expect("a directory");
        let of = |time: u8, id: &str| format!("{{\"timestamp\":\"2026-01-01T00:00:0{time}Z\",{id}}}\n");
        let (late, early) = (of(2, "\"requestId\":\"a-1\""), of(1, "\"fields\":{\"request_id\":\"a-1\"}"));
        let others = of(1, "\"requestId\":\"a-12\"") + "plain text about a-1\n" + &of(1, "\"queue\":\"a-1\"");
        fs::write(logs.join("get_token.log"), late.clone() + &others).expect("written");
        fs::write(logs.join("issue_token.log"), &early).expect("written");
        assert_eq!(about(&logs, "a-1").expect("lines"), [early.trim(), late.trim()]);
        assert_eq!(about(&logs, "b").expect("lines"), [""; 0]);
        fs::remove_dir_all(&logs).expect("removed");
        assert!(about(&logs, "a-1").is_err());
    }
}
