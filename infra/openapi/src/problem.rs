//! The schemas of problems, as `shared::http::Problem` writes them.

use serde_json::{Value, json};

/// Why places and sessions end, as a table in Markdown.
pub const END_REASONS: &str = "\
| reason | what happened | what to do |
|---|---|---|
| `PAID` | The fan paid the last open hold, which ends the session. | Show the purchase. To buy more, join again. |
| `LEFT` | The fan left the queue. Open holds were cancelled. | Join again if the fan wants to come back. |
| `EXPIRED` | The time of the session is up. Nothing is held any more. | Join again. |
| `NO_SHOW` | The fan was admitted, and no request claimed the place in time. | Join again, and poll as often as \
`pollAfterSeconds` says. |
| `SUPERSEDED` | The fan has a newer place in this queue. | `POST /api/v1/tokens` returns it. |
| `WAITED_TOO_LONG` | The waiting time was over before the place came up. | Join again. |
| `REMOVED` | An administrator removed the fan. Open holds were cancelled. | Say so to the fan, who may join again. |";

/// RFC 9457 problem details.
pub fn problem() -> Value {
    let text = |description: &str| json!({ "type": "string", "description": description });
    let number = |description: &str| json!({ "type": "integer", "minimum": 0, "description": description });
    let mut properties = json!({
        "type": text("A URN that ends with the code: `urn:stagedoor:problem:<code>`."),
        "title": text("The HTTP status in words, such as `Conflict`."),
        "status": { "type": "integer", "description": "The HTTP status of the answer, such as 409." },
        "detail": text("One sentence in English that says what is wrong. It can change, so do not parse it."),
        "instance": text("The id of the request, as in the header `x-request-id`."),
        "code": text("The stable code of the problem, for programs to act on."),
        "errors": errors(),
        "seatNumbers": {
            "type": "array",
            "items": { "type": "integer", "minimum": 1 },
            "description": "With `seat_unavailable`: which of the seats asked for are held or sold. With `seat_not_found`: the \
                number that the concert lacks.",
        },
        "reservationId": {
            "type": "string", "format": "uuid",
            "description": "With `seat_unavailable`, and only if the caller's own reservation has one of the seats: that \
                reservation.",
        },
        "reason": {
            "$ref": "#/components/schemas/EndReason",
            "description": "With `session_over`: why the place or session ended.",
        },
        "limit": number("With `seat_limit`: how many seats a session may hold and buy. With `hold_limit`: how many holds a \
            session may make."),
        "held": number("With `seat_limit`: how many seats the session holds."),
        "bought": number("With `seat_limit`: how many seats the session has bought, refunded ones included."),
        "paymentId": {
            "type": "string", "format": "uuid",
            "description": "With `payment_already_processed`: the payment. With `not_cancellable` for a paid reservation: the \
                payment to refund instead.",
        },
        "amount": number("With `amount_mismatch`: the price of the reservation, in the currency's minor unit."),
    });
    sale(&mut properties);
    json!({
        "type": "object",
        "description": "An error as RFC 9457 problem details. Act on `code`; the other members help to say what is wrong. \
            The description of each member names the codes that come with it.",
        "required": ["type", "title", "status", "detail", "instance", "code"],
        "properties": properties,
    })
}

fn errors() -> Value {
    json!({
        "type": "array",
        "description": "With `invalid_request`: what is wrong, and where.",
        "items": {
            "type": "object",
            "description": "One fault of the request.",
            "required": ["pointer", "detail"],
            "properties": {
                "pointer": {
                    "type": "string",
                    "description": "The place of the fault: a JSON pointer into the body, such as `/amount`, or the name of \
                        a parameter.",
                },
                "detail": { "type": "string", "description": "What is wrong with the value, in English." },
            },
        },
    })
}

/// The members of `sale_closed`.
fn sale(properties: &mut Value) {
    let time = |description: &str| json!({ "$ref": "#/components/schemas/Rfc3339", "description": description });
    properties["enabled"] = json!({
        "type": "boolean",
        "description": "With `sale_closed`: whether the concert is sold at all.",
    });
    properties["saleOpensAt"] = time("With `sale_closed`: when the sale opens or opened.");
    properties["saleClosesAt"] = time("With `sale_closed`: when the sale closes or closed.");
}

/// The reasons why a place or session is over.
pub fn end_reason() -> Value {
    json!({
        "type": "string",
        "enum": ["PAID", "LEFT", "EXPIRED", "NO_SHOW", "SUPERSEDED", "WAITED_TOO_LONG", "REMOVED"],
        "description": format!("Why a place in a queue, or the session that came of it, is over.\n\n{END_REASONS}"),
    })
}
