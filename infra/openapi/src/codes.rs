//! What each problem code means, and what a client does about it.

/// Each code with its text: what happened, and what to do. In the order of the statuses.
const MEANINGS: &[(&str, &str)] = &[
    (
        "invalid_request",
        "The body or a parameter is not valid, and nothing was done. `errors` says where and what. Correct the request; \
         sent again as it is, it fails again.",
    ),
    (
        "unauthenticated",
        "There is no bearer token, or it is malformed, badly signed or of the wrong kind. Log in, and send the token that \
         the route takes.",
    ),
    (
        "token_expired",
        "The token has expired. Log in again. A place in a queue is kept: `GET /api/v1/tokens/{userId}` with the new access \
         token returns it.",
    ),
    (
        "bad_credentials",
        "The user name or the password is wrong. Ask the fan for both again; a retry as it is does not help.",
    ),
    (
        "forbidden",
        "The caller may not act for this fan, or lacks the role that the route needs. Send the caller's own `userId`, or \
         leave it out.",
    ),
    (
        "not_active",
        "The fan is not admitted. A fan who waits gets `Retry-After`: go on polling `GET /api/v1/tokens/{userId}`, and send \
         the request again once `status` is ACTIVE. An access token gets no `Retry-After`: send the queue token.",
    ),
    (
        "wrong_queue",
        "The queue token is for another queue. Join the queue that the concert names in `queueId`, and send that token.",
    ),
    (
        "sale_closed",
        "The concert is not on sale now: `enabled` is false, or the time is not between `saleOpensAt` and `saleClosesAt`. \
         Try again at `saleOpensAt` where that is ahead.",
    ),
    ("user_not_found", "No account has this id. Check the `userId`."),
    ("token_not_found", "The fan never joined this queue. Join it with `POST /api/v1/tokens`."),
    ("concert_not_found", "No concert has this id. Load the list of concerts again."),
    ("seat_not_found", "The concert has no seat with the number in `seatNumbers`. Load the seat map again."),
    (
        "reservation_not_found",
        "The fan has no reservation with this id. A reservation of another fan is answered the same way; an admin names its \
         fan with `?userId=`.",
    ),
    (
        "payment_not_found",
        "The fan has no payment with this id. A payment of another fan is answered the same way; an admin names its fan \
         with `?userId=`.",
    ),
    (
        "queue_not_found",
        "There is no such queue: it was never created, or it was deleted. A concert that names it is not on sale, whatever \
         its sale times say.",
    ),
    ("not_found", "Nothing has this id, or there is no such route. Check the id and the path."),
    (
        "username_taken",
        "An account has this user name, in some spelling of upper and lower case. Choose another name. If this was the \
         retry of a sign-up whose answer was lost, log in with the same password first.",
    ),
    (
        "seat_unavailable",
        "Some of the seats are held or sold, and nothing was held. `seatNumbers` names them: choose others. With \
         `reservationId` the caller's own reservation has one of them: `GET` it to see which, and go on with it.",
    ),
    (
        "seat_limit",
        "The session would hold and have bought more than `limit` seats. It holds `held` and has bought `bought`, refunded \
         ones included. Ask for fewer seats, or give a hold back.",
    ),
    (
        "hold_limit",
        "The session has made its `limit` holds, whatever became of them. Pay what is held; more seats need a new session, \
         from joining the queue again.",
    ),
    (
        "session_ending",
        "Too little of the session is left for a hold. Pay what is held; more seats need a new session, from joining the \
         queue again once this one is over.",
    ),
    (
        "payment_already_processed",
        "The reservation was paid before, by the payment in `paymentId`, and no money moved now. It may have been refunded \
         since: `GET /api/v1/reservations/{reservationId}` returns CONFIRMED, or CANCELLED with the reason REFUNDED.",
    ),
    (
        "insufficient_balance",
        "The balance is lower than the price, and no money moved. Recharge and pay again before the hold ends. Some \
         deployments release the seats at once: then the reservation is CANCELLED with the reason RELEASED.",
    ),
    (
        "amount_mismatch",
        "The amount that was sent is not the price, and no money moved. `amount` of the problem is the price: show it to the \
         fan, then send it.",
    ),
    (
        "not_cancellable",
        "It cannot be given back this way; `detail` says why. A paid reservation is given back by a refund of the payment in \
         `paymentId`. A payment is refunded by its fan only until the concert starts, and later by an admin.",
    ),
    (
        "request_in_progress",
        "A request with the same `Idempotency-Key` is being worked on. Wait for `Retry-After`, then send the same request \
         with the same key.",
    ),
    (
        "queue_in_use",
        "A fan waits in the queue or is inside, or the sale of one of its concerts has not closed, or it is `main`, which \
         is never deleted. Try again once `waiting` and `active` are 0 and the sales have closed.",
    ),
    (
        "session_over",
        "The place or session is over, and `reason` says why. Show the reason, then join the queue again with the access \
         token, which stays good.",
    ),
    (
        "reservation_expired",
        "The hold ended before it was paid, and no money moved. Its seats are free: hold seats again.",
    ),
    (
        "reservation_cancelled",
        "The hold was cancelled before it was paid, and no money moved. Its seats are free: hold seats again.",
    ),
    ("too_large", "The body is larger than 64 KiB (1 MiB for a new concert), and it was not read. Send a smaller one."),
    ("unsupported_media_type", "The body is not sent as JSON. Send `Content-Type: application/json`, in UTF-8."),
    (
        "idempotency_key_reused",
        "The `Idempotency-Key` was used for another request within the last 24 hours. Use a new key for each new act.",
    ),
    (
        "too_many_requests",
        "A limit is reached, and nothing was done. Wait for `Retry-After`, then try again. A deployment can switch its limits \
         off.",
    ),
    (
        "internal",
        "A fault of the system, logged under the `x-request-id`. Read the state before you repeat a request without an \
         `Idempotency-Key`.",
    ),
    (
        "unavailable",
        "A table did not answer in time, or other requests conflicted too often. Nothing is lost, and the request may have \
         been applied: wait for `Retry-After`, then send it again with the same `Idempotency-Key`. Without a key, read the \
         state first.",
    ),
];

/// Returns the text for a code: what it means, and what to do about it.
///
/// # Panics
/// When [`MEANINGS`] has no text for the code.
pub fn meaning(code: &str) -> &'static str {
    let found = MEANINGS.iter().find(|(known, _)| *known == code);
    found.unwrap_or_else(|| panic!("the code {code} has no meaning in codes.rs")).1
}

/// Describes an answer that has one of these codes, in Markdown.
pub fn describe<'a>(codes: impl ExactSizeIterator<Item = &'a &'static str>) -> String {
    let alone = codes.len() == 1;
    let lines: Vec<_> = codes.map(|code| format!("`{code}`: {}", meaning(code))).collect();
    if alone { lines.concat() } else { format!("One of these codes:\n\n- {}", lines.join("\n- ")) }
}
