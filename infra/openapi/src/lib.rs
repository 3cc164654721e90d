//! The OpenAPI document of the HTTP API, from the request and response types that the handlers use and from the
//! refusals that they give. `cargo openapi` writes it to functions/describe_api/openapi.json, which is what that
//! function answers; the tests hold the two equal, and the document equal to the routes of the template.

pub mod contract;
mod examples;
mod operation;
mod routes;
mod schemas;

use schemas::Schemas;
use serde_json::{Map, Value, json};

/// The document.
pub fn document() -> Value {
    let mut schemas = Schemas::default();
    let (mut paths, mut responses) = (Map::new(), Map::new());
    for operation in routes::operations(&mut schemas) {
        let (path, method) = (operation.path, operation.method);
        let item = paths.entry(path).or_insert_with(|| json!({}));
        item[method] = operation.into_value(&mut responses);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Stagedoor",
            "version": "1",
            "summary": "Ticket sales that stay fair and correct when a million fans arrive in the same minute.",
            "description": DESCRIPTION,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "tags": tags(),
        "paths": paths,
        "components": {
            "schemas": schemas.into_components(),
            "responses": responses,
            "parameters": { "IdempotencyKey": idempotency_key() },
            "headers": headers(),
            "securitySchemes": security_schemes(),
        },
    })
}

const DESCRIPTION: &str = "\
Fans wait in a first-come line, are let in a few at a time, see a seat map, hold seats for some minutes and pay from a \
prepaid balance.

JSON in and out, UTF-8, camelCase. Times are RFC 3339 in UTC, amounts whole numbers of the currency's minor unit. \
Unknown fields of a body are refused. A problem is `application/problem+json` (RFC 9457) with a stable `code`.

A purchase: sign up, log in, `POST /api/v1/tokens` to join the line, poll `GET /api/v1/tokens/{userId}` until \
`ACTIVE`, then with the queue token see the seats, hold some, and pay them.";

fn tags() -> Value {
    json!([
        { "name": "Accounts", "description": "Who a fan is." },
        { "name": "Line", "description": "First come, first let in." },
        { "name": "Concerts", "description": "What is sold." },
        { "name": "Reservations", "description": "Seats held, paid, given back." },
        { "name": "Payments", "description": "Balances and ledgers." },
        { "name": "Administration", "description": "With an access token whose role is admin." },
        { "name": "System", "description": "What the system says about itself." },
    ])
}

fn idempotency_key() -> Value {
    json!({
        "name": "Idempotency-Key",
        "in": "header",
        "description": "A key belongs to its caller and one route. The same key with the same request (ids in the path, \
            `userId`, body; the order of seats does not matter) within 24 hours replays the first success; with another \
            request it is 422.",
        "schema": { "type": "string", "pattern": "^[!-~]{1,255}$" },
    })
}

fn headers() -> Value {
    let text = |description: &str| json!({ "description": description, "schema": { "type": "string" } });
    json!({
        "x-request-id": {
            "description": "The request's id; quote it when you ask for help.",
            "required": true,
            "schema": { "type": "string" },
        },
        "Retry-After": {
            "description": "Seconds until it makes sense to ask again.",
            "schema": { "type": "integer", "minimum": 1 },
        },
        "Cache-Control": {
            "description": "What caches may keep, and for how long; `no-store` is nothing.",
            "required": true,
            "schema": { "type": "string" },
        },
        "Content-Encoding": text("How the body is compressed."),
        "Content-Security-Policy": text("What the page may run and load: its own style and scripts, requests to this origin."),
        "Referrer-Policy": text("What the page tells others about itself: nothing."),
        "Vary": text("The request headers that the answer depends on."),
        "X-Content-Type-Options": text("The content type is meant."),
        "Link": text("`<...>; rel=\"next\"` names the next page."),
        "Location": text("Where to find what was made."),
        "WWW-Authenticate": text("RFC 6750: which token is wanted."),
        "Idempotency-Replayed": {
            "description": "This is the first answer again.",
            "schema": { "type": "string", "const": "true" },
        },
    })
}

fn security_schemes() -> Value {
    let bearer = |description: &str| json!({ "type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": description });
    json!({
        "accessToken": bearer("Who you are, from `POST /api/v1/users/login`; good for an hour."),
        "queueToken": bearer("Your place in one line, from `POST /api/v1/tokens`. It also proves who you are."),
    })
}
