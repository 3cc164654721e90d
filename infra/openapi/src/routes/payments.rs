//! Money.

use super::page;
use crate::{
    examples,
    operation::{Caller, Operation},
    schemas::Schemas,
};
use serde_json::json;
use shared::{
    domain::{
        amount::Amount,
        id::{PaymentId, ReservationId},
        refusal::Refusal,
    },
    http::{
        requests::{CancelPayment, ProcessPayment, Recharge},
        views::{BalanceBody, LedgerBody, PaymentBody},
    },
};

const TAG: &str = "Payments";

pub fn operations(s: &mut Schemas) -> Vec<Operation> {
    [balances(s), payments(s)].into_iter().flatten().collect()
}

fn balances(s: &mut Schemas) -> Vec<Operation> {
    let entry = s.answer::<LedgerBody>();
    vec![
        Operation::new("recharge_balance", "post", "/api/v1/payments/recharge", Caller::Either)
            .about(
                TAG,
                "Put money on a balance",
                "Send an `Idempotency-Key`: without one, a client that tries again may charge twice.",
            )
            .stored()
            .idempotent()
            .named_twice(s)
            .body::<Recharge>(s, json!({ "userId": examples::USER, "amount": 120000 }))
            .refuses([Refusal::Forbidden, Refusal::UserNotFound, Refusal::BalanceTooLarge])
            .answers(
                200,
                "The balance before and after.",
                &["Idempotency-Replayed"],
                s.answer::<BalanceBody>(),
                json!({ "currentBalance": 0, "newBalance": 120000 }),
            )
            .then(200, "get_balance", json!({ "userId": "$request.body#/userId" }), None)
            .then(200, "list_ledger", json!({ "userId": "$request.body#/userId" }), None),
        Operation::new("get_balance", "get", "/api/v1/payments/balance/{userId}", Caller::Either)
            .about(TAG, "See a balance", "Both numbers are equal here.")
            .stored()
            .user(s)
            .on_behalf(s)
            .refuses([Refusal::Forbidden, Refusal::UserNotFound])
            .answers(
                200,
                "The balance.",
                &[],
                s.answer::<BalanceBody>(),
                json!({ "currentBalance": 120000, "newBalance": 120000 }),
            ),
        Operation::new("list_ledger", "get", "/api/v1/payments/history/{userId}", Caller::Either)
            .about(TAG, "List what moved a balance", "Newest first, numbered without a gap.")
            .stored()
            .user(s)
            .on_behalf(s)
            .paged()
            .refuses([Refusal::Forbidden, Refusal::UserNotFound])
            .answers(
                200,
                "A page.",
                &[],
                page(entry),
                json!({ "items": [examples::ledger_entry()], "nextCursor": "Mg" }),
            ),
    ]
}

fn payments(s: &mut Schemas) -> Vec<Operation> {
    let payment = s.answer::<PaymentBody>();
    let any_payment = PaymentId::of(ReservationId(uuid::Uuid::nil()));
    vec![
        Operation::new("process_payment", "post", "/api/v1/payments/process", Caller::LetIn)
            .about(
                TAG,
                "Pay a reservation",
                "From the balance. Paying twice pays once. It ends the session when no other hold is open. One that is \
                 refused for its amount or for want of money is kept in the reservation's `attempts`.",
            )
            .stored()
            .idempotent()
            .named_twice(s)
            .body::<ProcessPayment>(s, json!({ "reservationId": examples::RESERVATION, "amount": 100000 }))
            .refuses([Refusal::Forbidden, Refusal::WrongQueue, Refusal::ReservationNotFound])
            .refuses([Refusal::PaymentAlreadyProcessed(any_payment), Refusal::InsufficientBalance])
            .refuses([Refusal::AmountMismatch { amount: Amount::new(100_000) }, Refusal::ReservationExpired, Refusal::ReservationCancelled])
            .answers(200, "The payment.", &["Idempotency-Replayed"], payment.clone(), examples::payment())
            .then(200, "cancel_payment", json!({ "paymentId": "$response.body#/paymentId" }), None)
            .then(200, "get_reservation", json!({ "reservationId": "$response.body#/reservationId" }), None),
        Operation::new("cancel_payment", "post", "/api/v1/payments/{paymentId}/cancel", Caller::Either)
            .about(
                TAG,
                "Refund a payment",
                "The seats are free at once and the money is back on the balance. A fan until the concert starts, an \
                 admin at any time.",
            )
            .stored()
            .idempotent()
            .payment(s)
            .on_behalf(s)
            .optional_body::<CancelPayment>(s, json!({ "reason": "cannot come" }))
            .refuses([Refusal::Forbidden, Refusal::PaymentNotFound, Refusal::TooLateToCancel])
            .answers(200, "The payment, given back.", &["Idempotency-Replayed"], payment, examples::refund())
            .then(200, "get_reservation", json!({ "reservationId": "$response.body#/reservationId" }), None)
            .then(200, "get_balance", json!({ "userId": "$response.body#/userId" }), None),
    ]
}
