//! The operations on balances and payments.

use super::page;
use crate::{
    examples,
    operation::{Caller, Operation},
    schemas::Schemas,
};
use serde_json::json;
use shared::{
    domain::{amount::Amount, refusal::Refusal},
    http::{
        requests::{CancelPayment, ProcessPayment, Recharge},
        views::{BalanceBody, LedgerBody, PaymentBody},
    },
};

const TAG: &str = "Payments";

const RECHARGE: &str = "\
Adds an amount to a fan's prepaid balance, and returns the balance before and after. An admin recharges the balance \
of any fan. Fans recharge their own only where the deployment lets them (`RECHARGE_BY=fan`); else it is 403 \
`forbidden`. 400 at `/amount` also means that the balance would become too large.

Send an `Idempotency-Key`: a retry with it returns the first result again. Without one, a retry after a lost answer \
can add the amount twice.";

const BALANCE: &str = "\
Returns a fan's balance as it is now. Nothing is moved, so both amounts are equal. An unknown fan is 404 \
`user_not_found`.";

const LEDGER: &str = "\
Lists every movement of a fan's balance, newest first, numbered without a gap: recharges, payments and refunds. Pass \
`nextCursor` as `cursor` to get the next page. An unknown fan is 404 `user_not_found`.";

const PAY: &str = "\
Pays a reservation from the fan's balance: the money is taken and the seats are sold in one step. It ends the \
session when no other hold of it is open; then `sessionOver` is true. `amount` must be the price of the reservation.

409 `insufficient_balance`: recharge, and pay again before `expiresAt`; the hold stays, except in deployments that \
release it at once. 409 `amount_mismatch`: show the price, and send it. Both are kept in the reservation's \
`attempts`. 410 `reservation_expired` and `reservation_cancelled`: the seats are lost and no money moved; hold seats \
again.

Paying twice pays once. With an `Idempotency-Key`, a retry returns the first 200 again. Without one it is 409 \
`payment_already_processed` with the `paymentId`, also after the session's end and after a refund: ask `GET \
/api/v1/reservations/{reservationId}` which of the two it is.";

const REFUND: &str = "\
Refunds a payment in full: the money is back on the fan's balance and the seats are free at once. The fan can do so \
until the concert starts (`startsAt`), an admin at any time. A refund gives no seat of `seatsPerSession` back.

A retry is safe with and without an `Idempotency-Key`: refunding again returns 200 with the same refund, and moves \
nothing. 409 `not_cancellable` means that the concert has started. An admin names the fan with `userId`, else the \
answer is 404.";

pub fn operations(s: &mut Schemas) -> Vec<Operation> {
    vec![recharge(s), balance(s), ledger(s), pay(s), refund(s)]
}

fn recharge(s: &mut Schemas) -> Operation {
    Operation::new("recharge_balance", "post", "/api/v1/payments/recharge", Caller::Either)
        .about(TAG, "Put money on a balance", RECHARGE)
        .stored()
        .idempotent()
        .named_twice(s)
        .body::<Recharge>(s, json!({ "userId": examples::USER, "amount": 120000 }))
        .refuses([Refusal::Forbidden, Refusal::UserNotFound, Refusal::BalanceTooLarge])
        .answers(
            200,
            "The balance before and after the recharge.",
            &["Idempotency-Replayed"],
            s.answer::<BalanceBody>(),
            json!({ "currentBalance": 0, "newBalance": 120000 }),
        )
        .then(200, "get_balance", json!({ "userId": "$request.body#/userId" }), None)
        .then(200, "list_ledger", json!({ "userId": "$request.body#/userId" }), None)
}

fn balance(s: &mut Schemas) -> Operation {
    Operation::new("get_balance", "get", "/api/v1/payments/balance/{userId}", Caller::Either)
        .about(TAG, "See a balance", BALANCE)
        .stored()
        .user(s)
        .on_behalf(s)
        .refuses([Refusal::Forbidden, Refusal::UserNotFound])
        .answers(
            200,
            "The balance as it is now.",
            &[],
            s.answer::<BalanceBody>(),
            json!({ "currentBalance": 120000, "newBalance": 120000 }),
        )
}

fn ledger(s: &mut Schemas) -> Operation {
    let entries = page("The entries, newest first.", s.answer::<LedgerBody>());
    Operation::new("list_ledger", "get", "/api/v1/payments/history/{userId}", Caller::Either)
        .about(TAG, "List what moved a balance", LEDGER)
        .stored()
        .user(s)
        .on_behalf(s)
        .paged()
        .refuses([Refusal::Forbidden, Refusal::UserNotFound])
        .answers(
            200,
            "One page of the ledger.",
            &[],
            entries,
            json!({ "items": [examples::ledger_entry(), examples::charge()], "nextCursor": null }),
        )
}

fn pay(s: &mut Schemas) -> Operation {
    Operation::new("process_payment", "post", "/api/v1/payments/process", Caller::Admitted)
        .about(TAG, "Pay a reservation", PAY)
        .stored()
        .idempotent()
        .named_twice(s)
        .body::<ProcessPayment>(s, json!({ "reservationId": examples::RESERVATION, "amount": 100000 }))
        .refuses([Refusal::Forbidden, Refusal::WrongQueue, Refusal::ReservationNotFound])
        .refuses([Refusal::PaymentAlreadyProcessed(examples::payment_id()), Refusal::InsufficientBalance])
        .refuses([Refusal::AmountMismatch { amount: Amount::new(100_000) }])
        .refuses([Refusal::ReservationExpired, Refusal::ReservationCancelled])
        .answers(
            200,
            "The reservation is paid.",
            &["Idempotency-Replayed"],
            s.answer::<PaymentBody>(),
            examples::payment(),
        )
        .then(200, "cancel_payment", json!({ "paymentId": "$response.body#/paymentId" }), None)
        .then(200, "get_reservation", json!({ "reservationId": "$response.body#/reservationId" }), None)
}

fn refund(s: &mut Schemas) -> Operation {
    Operation::new("cancel_payment", "post", "/api/v1/payments/{paymentId}/cancel", Caller::Either)
        .about(TAG, "Refund a payment", REFUND)
        .stored()
        .idempotent()
        .payment(s)
        .owned(s)
        .optional_body::<CancelPayment>(s, json!({ "reason": "cannot come" }))
        .refuses([Refusal::Forbidden, Refusal::PaymentNotFound, Refusal::TooLateToCancel])
        .answers(
            200,
            "The payment is refunded.",
            &["Idempotency-Replayed"],
            s.answer::<PaymentBody>(),
            examples::refund(),
        )
        .then(200, "get_reservation", json!({ "reservationId": "$response.body#/reservationId" }), None)
        .then(200, "get_balance", json!({ "userId": "$response.body#/userId" }), None)
}
