//! One story that all examples tell: a fan buys two seats.

use shared::domain::{refusal::Refusal, time::Timestamp};
use serde_json::{Value, json};

/// The fan.
pub const USER: &str = "6f9619ff-8b86-4011-b42d-00cf4fc964ff";
/// The concert.
pub const CONCERT: &str = "3c4f1a9e-54d3-4a53-9a57-0f6f7c1f2b10";
/// The production it belongs to.
pub const EVENT: &str = "b6b0a3de-3f6e-4b5e-8a53-2a1d5a0c9f77";
/// The fan's reservation.
pub const RESERVATION: &str = "0193f2a0-7c1e-7b3a-9d2f-5e8c4a6b1d90";
/// Its payment.
pub const PAYMENT: &str = "0193f2a0-7c1e-8b3a-9d2f-5e8c4a6b1d90";

/// A hold before the sale opens.
pub fn sale_closed() -> Refusal {
    let (opens_at, closes_at) = (Timestamp::from_seconds(1_796_115_600), Timestamp::from_seconds(1_798_138_800));
    Refusal::SaleClosed { enabled: true, opens_at, closes_at }
}

/// A place in line.
pub fn token() -> Value {
    json!({
        "token": "eyJhbGciOiJFZERTQSIsImtpZCI6Ii4uLiJ9.e30.c2lnbmF0dXJl", "status": "WAITING", "queuePosition": 17,
        "remainingTime": 7180, "queueId": "main", "issuedAt": "2026-12-01T09:00:00.000Z",
        "expiresAt": "2026-12-01T11:00:00.000Z", "estimatedWaitSeconds": 425, "pollAfterSeconds": 53,
        "place": 137, "positionFinal": true, "opensAt": null, "claimBefore": null, "paused": false, "message": null,
        "soldOut": false, "waitRangeSeconds": { "low": 251, "high": 720 },
    })
}

/// The line.
pub fn queue() -> Value {
    json!({
        "queueId": "main", "served": 120, "lastPlace": 137, "waiting": 17, "active": 10, "capacity": 10,
        "paused": false, "opensAt": null, "ratePerMinute": 24, "state": "OPEN", "message": null,
        "order": "arrival", "unclaimed": 2, "claimWindowSeconds": 180, "activeSeconds": 600, "waitSecondsPerPlace": 25.0,
        "pollAfterSeconds": [{ "position": 1, "seconds": 1 }, { "position": 6, "seconds": 2 }, { "position": 11, "seconds": 34 }],
        "concertIds": [CONCERT],
    })
}

/// The line with its times.
pub fn admin_queue() -> Value {
    let mut queue = queue();
    queue["waitingSeconds"] = json!(7200);
    queue
}

/// The concert in a list.
pub fn concert_date() -> Value {
    json!({
        "concertId": CONCERT, "concertName": "Winter Tour, first night", "date": "2026-12-24",
        "startsAt": "2026-12-24T19:00:00.000Z", "endsAt": "2026-12-24T22:00:00.000Z", "eventId": EVENT,
        "category": "CONCERT", "queueId": "main", "enabled": true, "saleOpensAt": "2026-12-01T09:00:00.000Z",
        "saleClosesAt": "2026-12-24T19:00:00.000Z", "seatsTotal": 50, "seatsAvailable": 31,
    })
}

/// The concert with its seats and prices.
pub fn concert() -> Value {
    let mut concert = concert_date();
    concert["blocks"] = json!([block()]);
    concert["holdSeconds"] = json!(300);
    concert["seatsPerSession"] = json!(4);
    concert["currency"] = json!("KRW");
    concert
}

fn block() -> Value {
    json!({ "section": "A", "from": 1, "to": 50, "seatType": "STANDARD", "price": 50000 })
}

/// The concert before it exists.
pub fn concert_draft() -> Value {
    json!({
        "concertName": "Winter Tour, first night", "startsAt": "2026-12-24T19:00:00Z",
        "endsAt": "2026-12-24T22:00:00Z", "blocks": [block()],
    })
}

/// A seat of the map.
pub fn seat() -> Value {
    json!({
        "seatNumber": 12, "available": true, "status": "AVAILABLE", "section": "A", "seatType": "STANDARD",
        "price": 50000,
    })
}

/// The fan's hold.
pub fn reservation() -> Value {
    json!({
        "reservationId": RESERVATION, "userId": USER, "concertId": CONCERT, "seatNumbers": [12, 13],
        "status": "PENDING", "amount": 100000, "reservedAt": "2026-12-01T09:01:10.000Z",
        "expiresAt": "2026-12-01T09:06:10.000Z", "cancelledAt": null, "cancelReason": null,
        "sessionEndsAt": "2026-12-01T09:11:00.000Z", "paymentId": null, "attempts": [],
    })
}

/// The fan's payment.
pub fn payment() -> Value {
    json!({
        "paymentId": PAYMENT, "status": "success", "reservationId": RESERVATION, "userId": USER, "amount": 100000,
        "paidAt": "2026-12-01T09:02:30.000Z", "cancelledAt": null, "newBalance": 20000, "sessionOver": true,
    })
}

/// The same, given back.
pub fn refund() -> Value {
    let mut refund = payment();
    refund["status"] = json!("cancelled");
    refund["cancelledAt"] = json!("2026-12-02T08:00:00.000Z");
    refund["newBalance"] = json!(120000);
    refund
}

/// The payment in the fan's ledger.
pub fn ledger_entry() -> Value {
    json!({
        "sequence": 2, "type": "PAYMENT", "amount": 100000, "balanceAfter": 20000, "at": "2026-12-01T09:02:30.000Z",
        "paymentId": PAYMENT, "reservationId": RESERVATION,
    })
}
