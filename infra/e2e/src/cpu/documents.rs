//! The public documents, which a warm environment answers from memory.

use client::Concert;

use super::{Row, meter::Meter, steps::AT_ONCE};
use crate::site::Site;

/// Requests before a document is measured: the first ones read and compress it.
const WARM_UP: usize = 20;

/// Measures each public document, as a browser asks for it: gzip, from another origin.
pub async fn documents(meter: &Meter<'_>, site: &Site, concert: &Concert, count: usize) -> Vec<Row> {
    let Concert { id, queue, .. } = concert;
    let documents = [
        ("GET queue", "get_queue", format!("/api/v1/queues/{queue}")),
        ("GET concert", "get_concert", format!("/api/v1/concerts/{id}")),
        ("GET availability", "get_availability", format!("/api/v1/concerts/{id}/availability")),
        ("GET dates", "list_dates", "/api/v1/reservations/dates".to_owned()),
        ("GET keys", "get_jwks", "/.well-known/jwks.json".to_owned()),
        ("GET API description", "describe_api", "/openapi.json".to_owned()),
        ("GET docs", "show_docs", "/docs".to_owned()),
    ];
    let mut rows = Vec::new();
    for (step, function, path) in documents {
        get(site, &path, WARM_UP).await;
        rows.push(meter.measure(step, function, count, AT_ONCE, get(site, &path, count)).await);
    }
    rows
}

async fn get(site: &Site, path: &str, count: usize) {
    for _ in 0..count {
        let request = site.client.get(path).header("accept-encoding", "gzip").header("origin", "http://localhost:8080");
        request.send().await.expect(200);
    }
}
