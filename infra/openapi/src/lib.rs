//! Generates the OpenAPI document of the HTTP API from the request and response types of the handlers and from their
//! refusals. `cargo openapi` writes it to functions/describe_api/openapi.json, which that function serves. Tests assert
//! that the file is up to date, and that the document has exactly the routes of the template.

mod codes;
pub mod contract;
mod examples;
mod operation;
mod problem;
mod routes;
mod schemas;

use schemas::Schemas;
use serde_json::{Map, Value, json};

/// Generates the document.
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
            "summary": "Ticket sales that stay fair and correct when far more fans arrive than there are seats.",
            "description": DESCRIPTION,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "tags": tags(),
        "paths": paths,
        "components": {
            "schemas": schemas.into_components(),
            "responses": responses,
            "parameters": { "IdempotencyKey": idempotency_key(), "IfNoneMatch": if_none_match() },
            "headers": headers(),
            "securitySchemes": security_schemes(),
        },
    })
}

const DESCRIPTION: &str = "\
Stagedoor sells seats for concerts that sell out in seconds. Fans wait in a queue, first come, first served, and are \
admitted a few at a time. An admitted fan has a session: see the seat map, hold seats for some minutes, and pay from \
a prepaid balance.

**A purchase.** 1. Sign up and log in (`POST /api/v1/users`, `POST /api/v1/users/login`). 2. Join the concert's \
queue (`POST /api/v1/tokens`). 3. Poll `GET /api/v1/tokens/{userId}` every `pollAfterSeconds` until `status` is \
ACTIVE. 4. With the queue token see the seats, hold some (`POST /api/v1/reservations`), recharge if need be, and pay \
(`POST /api/v1/payments/process`).

**Tokens.** Both are bearer tokens. The access token proves who the fan is. The queue token proves a place in one \
queue, and also who the fan is: for 12 hours after the login, and longer while its session is live. A lock beside an \
operation names the tokens that it takes.

**Claiming a place.** An admitted fan must claim the place within the claim window, else it is lost. Each of these \
requests of the fan claims it: `GET /api/v1/tokens/{userId}`, `POST /api/v1/tokens`, the seat map, a hold, a \
payment.

**Formats.** Bodies are JSON in UTF-8 with names in camelCase. Times are RFC 3339 in UTC. Amounts are whole numbers \
of the currency's minor unit. Answers leave no field out: what is not known is null. Unknown fields of a body are \
refused.

**HTTP.** Each path with GET has HEAD, which is answered like GET, without the body; on a place it claims nothing. \
OPTIONS answers 204 with the methods of a path in `Allow`. Any other method is 405 `method_not_allowed`, with `Allow`, \
before a token is looked at. Answers above 1 KB are compressed with gzip if `Accept-Encoding` allows it. Public \
documents (queues, concerts, dates, availability, keys, this document) have an `ETag`: send it back as \
`If-None-Match`, and an unchanged document is 304. `Cache-Control` says how long to keep one; everything else is \
`no-store`.

**Pages of other origins.** Origins that the operators allow may call every operation (CORS), with the headers \
`Authorization`, `Content-Type`, `Idempotency-Key` and `If-None-Match`. They can read `Retry-After`, `x-request-id`, \
`Link`, `Location`, `ETag`, `Date`, `Allow`, `WWW-Authenticate` and `Idempotency-Replayed`, on errors too.

**Errors.** An error is `application/problem+json` (RFC 9457) with a stable `code`; an unknown path is 404 \
`not_found`. 413, 429, 502, 503 and 504 can also come from a gateway, without such a body: judge them by the status, \
and treat a failed connection like 503, with a pause of 2 to 30 seconds.

**Retries.** Reading, joining, leaving and giving back are safe to repeat. For a hold, a recharge, a payment, a \
refund and a new concert send an `Idempotency-Key`: a retry with the same key returns the first success again.";

fn tags() -> Value {
    json!([
        { "name": "Accounts", "description": "Sign a fan up, and log a fan in." },
        { "name": "Queue", "description": "Join a queue, poll until admitted, leave. First come, first served." },
        { "name": "Concerts", "description": "What is on sale: concerts, prices and seat maps." },
        { "name": "Reservations", "description": "Hold seats for a fan, look at holds, and give them back." },
        { "name": "Payments", "description": "Recharge a balance, pay a reservation, refund a payment, read the ledger." },
        { "name": "Administration", "description": "Set up concerts and queues. Only with an access token of the role admin, or of operator where the operation says so." },
        { "name": "Webhooks", "description": "Let events be posted to other systems. Only with an access token of the role admin." },
        { "name": "System", "description": "Public keys, this document, and the health of the deployment." },
    ])
}

fn idempotency_key() -> Value {
    json!({
        "name": "Idempotency-Key",
        "in": "header",
        "description": "A name for this act, of 1 to 255 visible ASCII characters, such as a new UUID. Send the same key when \
            you retry: for 24 hours the first success is answered again, with its status and body and the header \
            `Idempotency-Replayed: true`. A replay is a snapshot of the first answer, so `GET` the resource for its state now. \
            A key belongs to its caller and one operation. With another request (ids in the path, `userId`, body; the order \
            of seats does not matter) it is 422. Refusals are not kept: the retry is judged as it comes.",
        "schema": { "type": "string", "pattern": "^[!-~]{1,255}$" },
        "example": "5f0c3d9e-6a53-4b8e-9a38-2f6b1f0c7d11",
    })
}

fn if_none_match() -> Value {
    json!({
        "name": "If-None-Match",
        "in": "header",
        "description": "The `ETag` of the document that you have, several of them, or `*`. If it is still the same, the answer is \
            304 without a body. A malformed value is ignored.",
        "schema": { "type": "string" },
        "example": "W/\"qk2hZ9mYtL0bVx3A\"",
    })
}

fn headers() -> Value {
    let text = |description: &str| json!({ "description": description, "schema": { "type": "string" } });
    json!({
        "x-request-id": {
            "description": "The id of the request. Quote it when you ask the operators for help.",
            "required": true,
            "schema": { "type": "string", "examples": ["KqzB4iPgliAEMnA="] },
        },
        "Retry-After": {
            "description": "Seconds to wait before you send this request again, at least 1.",
            "schema": { "type": "integer", "minimum": 1, "examples": [53] },
        },
        "Cache-Control": {
            "description": "How long a cache may keep the answer, in seconds (`max-age`); `no-store` means not at all.",
            "required": true,
            "schema": { "type": "string", "examples": ["no-store"] },
        },
        "ETag": {
            "description": "The version of the document, for `If-None-Match`. It is weak: gzip and plain text share it.",
            "required": true,
            "schema": { "type": "string", "pattern": "^W/\"[A-Za-z0-9_-]+\"$", "examples": ["W/\"qk2hZ9mYtL0bVx3A\""] },
        },
        "Age": {
            "description": "How long ago the document was read from the tables, in seconds; absent below 1. A cache subtracts \
                it from `max-age`.",
            "schema": { "type": "integer", "minimum": 1, "examples": [3] },
        },
        "Content-Security-Policy": text("What the page may run and load: its own style and scripts, and requests to this origin."),
        "Referrer-Policy": text("What the page reveals of its address to other sites: `no-referrer`, which is nothing."),
        "Vary": {
            "description": "The request headers that the answer depends on.",
            "required": true,
            "schema": { "type": "string", "const": "Accept-Encoding, Origin" },
        },
        "X-Content-Type-Options": text("Always `nosniff`: a browser must not guess another content type."),
        "Link": text("The URL of the next page, as `<...>; rel=\"next\"`. The last page has no such header."),
        "Location": text("The path of the resource that was created."),
        "WWW-Authenticate": text("The kind of token that is wanted (RFC 6750), with `error=\"invalid_token\"` for a bad one."),
        "Idempotency-Replayed": {
            "description": "Sent with the value `true` if this is the answer of an earlier request with the same key.",
            "schema": { "type": "string", "const": "true" },
        },
    })
}

fn security_schemes() -> Value {
    let bearer = |description: &str| json!({ "type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": description });
    json!({
        "accessToken": bearer("Proves who the fan is. `POST /api/v1/users/login` returns it as `accessToken`; it is good for \
            one hour."),
        "queueToken": bearer("Proves the fan's place in one queue, and who the fan is. `POST /api/v1/tokens` and \
            `GET /api/v1/tokens/{userId}` return it as `token`; always send the newest one."),
    })
}
