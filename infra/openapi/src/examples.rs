//! The examples of the document. All belong to one purchase: a fan buys two seats.

use serde_json::{Value, json};
use shared::domain::{
    id::{PaymentId, ReservationId},
    layout::SeatNumber,
    refusal::Refusal,
    time::Timestamp,
};
use uuid::Uuid;

/// The fan.
pub const USER: &str = "6f9619ff-8b86-4011-b42d-00cf4fc964ff";
/// The concert.
pub const CONCERT: &str = "3c4f1a9e-54d3-4a53-9a57-0f6f7c1f2b10";
/// The production that the concert belongs to.
pub const EVENT: &str = "b6b0a3de-3f6e-4b5e-8a53-2a1d5a0c9f77";
/// The fan's reservation.
pub const RESERVATION: &str = "0193f2a0-7c1e-7b3a-9d2f-5e8c4a6b1d90";
/// The payment of the reservation.
pub const PAYMENT: &str = "0193f2a0-7c1e-8b3a-9d2f-5e8c4a6b1d90";

/// The refusal of a hold before the sale opens.
pub fn sale_closed() -> Refusal {
    let (opens_at, closes_at) = (Timestamp::from_seconds(1_796_115_600), Timestamp::from_seconds(1_798_138_800));
    Refusal::SaleClosed { enabled: true, opens_at, closes_at }
}

/// The payment of the fan's reservation.
pub fn payment_id() -> PaymentId {
    PaymentId::of(reservation_id())
}

fn reservation_id() -> ReservationId {
    ReservationId(Uuid::from_u128(0x0193_f2a0_7c1e_7b3a_9d2f_5e8c_4a6b_1d90))
}

/// The refusals of holds whose seats are taken: by another fan, and by an earlier hold of the caller.
pub fn seats_unavailable() -> [Refusal; 2] {
    let seats = |numbers: &[u32]| numbers.iter().copied().filter_map(SeatNumber::new).collect();
    [
        Refusal::SeatUnavailable { seats: seats(&[13]), own: None },
        Refusal::SeatUnavailable { seats: seats(&[12, 13]), own: Some(reservation_id()) },
    ]
}

/// A place in a queue, as a fan who waits sees it.
pub fn token() -> Value {
    json!({
        "token": "eyJhbGciOiJFZERTQSIsImtpZCI6Ii4uLiJ9.e30.c2lnbmF0dXJl", "status": "WAITING", "queuePosition": 17,
        "remainingTime": 7200, "queueId": "main", "issuedAt": "2026-12-01T09:00:00.000Z",
        "expiresAt": "2026-12-01T11:00:00.000Z", "estimatedWaitSeconds": 425, "pollAfterSeconds": 53,
        "place": 137, "positionFinal": true, "opensAt": null, "claimBefore": null, "paused": false, "message": null,
        "soldOut": false, "waitRangeSeconds": { "low": 251, "high": 720 },
        "ticket": null,
    })
}

/// The same place once the fan is admitted and has claimed it.
pub fn active_token() -> Value {
    let mut token = token();
    token["status"] = json!("ACTIVE");
    token["queuePosition"] = json!(0);
    token["remainingTime"] = json!(585);
    token["expiresAt"] = json!("2026-12-01T09:17:05.000Z");
    token["estimatedWaitSeconds"] = json!(0);
    token["waitRangeSeconds"] = json!({ "low": 0, "high": 0 });
    token["pollAfterSeconds"] = json!(5);
    token
}

/// The public state of the queue.
pub fn queue() -> Value {
    json!({
        "queueId": "main", "served": 120, "lastPlace": 137, "waiting": 17, "active": 10, "capacity": 10,
        "paused": false, "opensAt": null, "ratePerMinute": 24, "state": "OPEN", "message": null,
        "order": "arrival", "unclaimed": 2, "claimWindowSeconds": 180, "activeSeconds": 600, "waitSecondsPerPlace": 25.0,
        "pollAfterSeconds": [{ "position": 1, "seconds": 1 }, { "position": 6, "seconds": 2 }, { "position": 11, "seconds": 34 }],
        "concertIds": [CONCERT], "joined": 0,
    })
}

/// The queue as admins see it.
pub fn admin_queue() -> Value {
    let mut queue = queue();
    queue["waitingSeconds"] = json!(7200);
    queue["expectedJoinsPerSecond"] = json!(null);
    queue["admitPerMinute"] = json!(null);
    queue
}

/// The queue as admins see it, right after its capacity was raised.
pub fn widened_queue() -> Value {
    let mut queue = admin_queue();
    queue["capacity"] = json!(100);
    queue["waitSecondsPerPlace"] = json!(2.5);
    queue["pollAfterSeconds"] = json!([{ "position": 1, "seconds": 1 }, { "position": 6, "seconds": 2 }]);
    queue
}

/// The concert in a list.
pub fn concert_date() -> Value {
    json!({
        "concertId": CONCERT, "concertName": "Winter Tour, first night", "date": "2026-12-24",
        "startsAt": "2026-12-24T10:00:00.000Z", "endsAt": "2026-12-24T13:00:00.000Z", "eventId": EVENT,
        "category": "CONCERT", "queueId": "main", "enabled": true, "saleOpensAt": "2026-12-01T09:00:00.000Z",
        "saleClosesAt": "2026-12-24T10:00:00.000Z", "seatsTotal": 50, "seatsAvailable": 31, "timeZone": "Asia/Seoul",
        "venue": { "name": "Olympic Hall", "address": "424 Olympic-ro, Songpa-gu, Seoul" }, "currency": "KRW",
        "priceFrom": 50_000, "priceTo": 50_000,
    })
}

/// The concert as it was created.
pub fn new_concert() -> Value {
    let mut concert = concert_date();
    concert["seatsAvailable"] = json!(50);
    concert
}

/// The concert after it was taken off sale.
pub fn disabled_concert() -> Value {
    let mut concert = concert_date();
    concert["enabled"] = json!(false);
    concert
}

/// The concert with its seats and prices.
pub fn concert() -> Value {
    let mut concert = concert_date();
    concert["blocks"] = json!([block()]);
    concert["holdSeconds"] = json!(300);
    concert["seatsPerSession"] = json!(4);
    concert
}

/// The seats of the concert: seat 1 is held, seat 50 is sold.
pub fn availability() -> Value {
    json!({
        "version": 42, "at": "2026-12-01T09:07:20.500Z", "seats": "AQAAAAAAAAAAAAAACA==", "free": 48, "total": 50,
        "byBlock": [{ "section": "A", "seatType": "STANDARD", "price": 50000, "free": 48, "total": 50 }],
    })
}

fn block() -> Value {
    json!({ "section": "A", "from": 1, "to": 50, "seatType": "STANDARD", "price": 50000 })
}

/// The concert before it is created.
pub fn concert_draft() -> Value {
    json!({
        "concertName": "Winter Tour, first night", "startsAt": "2026-12-24T19:00:00+09:00",
        "endsAt": "2026-12-24T22:00:00+09:00", "timeZone": "Asia/Seoul",
        "venue": { "name": "Olympic Hall", "address": "424 Olympic-ro, Songpa-gu, Seoul" }, "saleOpensAt": "2026-12-01T18:00:00+09:00", "blocks": [block()],
    })
}

/// Four seats of the map.
pub fn seats() -> Value {
    let seat = |number: u32, status: &str| {
        json!({
            "seatNumber": number, "available": status == "AVAILABLE", "status": status, "section": "A",
            "seatType": "STANDARD", "price": 50000,
        })
    };
    json!([seat(10, "HELD"), seat(11, "SOLD"), seat(12, "AVAILABLE"), seat(13, "AVAILABLE")])
}

/// The key set with one key, the example of RFC 8037.
pub fn key_set() -> Value {
    json!({ "keys": [{
        "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": "kPrK_qmxVWaYVA9w",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    }] })
}

/// The recharge in the fan's ledger.
pub fn charge() -> Value {
    json!({
        "sequence": 1, "type": "CHARGE", "amount": 120000, "balanceAfter": 120000, "at": "2026-12-01T08:57:00.000Z",
        "paymentId": null, "reservationId": null, "reference": "transfer 2026-0117",
    })
}

/// The fan's hold.
pub fn reservation() -> Value {
    json!({
        "reservationId": RESERVATION, "userId": USER, "concertId": CONCERT, "seatNumbers": [12, 13],
        "status": "PENDING", "amount": 100000, "reservedAt": "2026-12-01T09:08:10.000Z",
        "expiresAt": "2026-12-01T09:13:10.000Z", "cancelledAt": null, "cancelReason": null,
        "sessionEndsAt": "2026-12-01T09:17:05.000Z", "paymentId": null, "attempts": [],
    })
}

/// The reservation after one refused payment and one that succeeded.
pub fn paid_reservation() -> Value {
    let mut paid = reservation();
    paid["status"] = json!("CONFIRMED");
    paid["sessionEndsAt"] = json!(null);
    paid["paymentId"] = json!(PAYMENT);
    paid["attempts"] = json!([{ "at": "2026-12-01T09:08:55.000Z", "code": "insufficient_balance" }]);
    paid
}

/// The reservation after its refund.
pub fn refunded_reservation() -> Value {
    let mut refunded = paid_reservation();
    refunded["status"] = json!("CANCELLED");
    refunded["cancelledAt"] = json!("2026-12-02T08:00:00.000Z");
    refunded["cancelReason"] = json!("REFUNDED");
    refunded
}

/// The fan's payment.
pub fn payment() -> Value {
    json!({
        "paymentId": PAYMENT, "status": "success", "reservationId": RESERVATION, "userId": USER, "amount": 100000,
        "paidAt": "2026-12-01T09:09:30.000Z", "cancelledAt": null, "newBalance": 20000, "sessionOver": true,
    })
}

/// The payment after its refund.
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
        "sequence": 2, "type": "PAYMENT", "amount": 100000, "balanceAfter": 20000, "at": "2026-12-01T09:09:30.000Z",
        "paymentId": PAYMENT, "reservationId": RESERVATION, "reference": null,
    })
}

/// The last two minutes of a sale.
pub fn operations() -> Value {
    json!({
        "at": "2026-12-24T10:01:30.000Z",
        "minutes": [
            {
                "minute": "2026-12-24T10:00:00.000Z",
                "queue": { "joined": null, "admitted": null, "waiting": 480, "inside": 100 },
                "seats": null,
            },
            {
                "minute": "2026-12-24T10:01:00.000Z",
                "queue": { "joined": 120, "admitted": 30, "waiting": 570, "inside": 100 },
                "seats": { "free": 31, "held": 2, "sold": 17 },
            },
        ],
    })
}
