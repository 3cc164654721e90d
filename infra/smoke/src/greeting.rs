//! Before anything is created: whether this is a Stagedoor, and whether the administrator is one.

use std::time::Duration;

use client::{Client, Request};
use serde_json::json;

use crate::{
    answer::{Complaint, ask, expect},
    report::Report,
};

/// Asks for the health and the description of the API.
///
/// # Errors
/// No connection, no valid certificate, or something else than a healthy Stagedoor.
pub async fn check_deployment(report: &mut Report, client: &Client) -> Result<(), Complaint> {
    // Once: nothing there, or nothing healthy, is an answer that needs no waiting.
    let once = client.with_patience(Duration::ZERO);
    let health = async {
        let answer = expect(once.get("/health"), 200).await?;
        Ok(((), format!("{} {}", answer.status, answer.text("status"))))
    };
    report.attempt("health", health).await?;
    let description = async {
        let answer = expect(client.get("/openapi.json"), 200).await?;
        let (info, paths) = (&answer.body["info"], answer.body["paths"].as_object());
        if info["title"] != "Stagedoor" {
            return Err(answer.complain(format!("{} is no Stagedoor", client.url())));
        }
        let version = info["version"].as_str().unwrap_or("unknown");
        Ok(((), format!("Stagedoor, version {version}, {} paths", paths.map_or(0, serde_json::Map::len))))
    };
    report.attempt("API description", description).await
}

/// Logs the administrator in and returns the access token.
///
/// # Errors
/// A wrong name or password, or an account that is no administrator's.
pub async fn log_in(report: &mut Report, client: &Client, name: &str, password: &str) -> Result<String, Complaint> {
    let login = async {
        let answer = ask(client.log_in(name, password)).await?;
        if answer.outcome() == (401, "bad_credentials") {
            return Err(Complaint::plain(format!("no account has the name {name} and this password")));
        }
        let token = answer.expect(200)?.text("accessToken").to_owned();
        // The role is checked before the body, so this creates nothing.
        let answer = ask(empty_draft(client, &token)).await?;
        match answer.status {
            400 => Ok((token, format!("{name} is an administrator"))),
            403 => Err(Complaint::plain(format!("{name} is no administrator: `cargo admin grant {name}` makes one"))),
            _ => Err(answer.complain("400 or 403 was expected")),
        }
    };
    report.attempt("administrator", login).await
}

fn empty_draft(client: &Client, token: &str) -> Request {
    client.post("/api/v1/admin/concerts", &json!({})).bearer(token)
}
