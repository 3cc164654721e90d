//! Seats and money.

use std::time::Duration;

use client::{Fan, Ledger, Method};
use serde_json::{Value, json};

use super::until;
use crate::{
    answer::{Answer, Complaint, expect},
    report::{Failed, Report},
    stage::{PRICE, SEATS, Stage},
};

/// How long what is derived from a sale may take to show: the stream, the count, a cached document.
const BEHIND: Duration = Duration::from_secs(20);
/// The most seats that the first fan buys.
const BOUGHT: u64 = 2;

/// What the first fan bought.
pub struct Sale {
    payment: String,
    seats: u32,
    amount: u64,
}

/// The first fan sees the seats, cancels a hold, pays another, and is not charged twice.
pub async fn buy(report: &mut Report, stage: &mut Stage) -> Result<Sale, Failed> {
    let seats = report.step("seat map", read_seat_map(stage)).await?;
    let amount = PRICE * u64::from(seats);
    report.step("a hold, cancelled", hold_and_cancel(stage)).await?;
    report.step("credit", credit(stage, amount)).await?;
    let numbers: Vec<u32> = (1..=seats).collect();
    let reservation = report.step("hold", hold(stage, &numbers, amount)).await?;
    let payment = report.step("payment", pay(stage, &reservation, amount)).await?;
    report.step("the same payment again", pay_again(stage, &reservation, amount, &payment)).await?;
    let expected = [("CHARGE", 1), ("PAYMENT", 1), ("REFUND", 0)];
    report.step("balance and ledger", check_ledger(&stage.fans[0], 0, expected)).await?;
    report.step("availability", check_free_seats(stage, SEATS - seats)).await?;
    Ok(Sale { payment, seats, amount })
}

/// The administrator refunds the purchase, and the seats are free again.
pub async fn refund(report: &mut Report, stage: &Stage, sale: &Sale) -> Result<(), Failed> {
    let Sale { payment, seats, amount } = sale;
    let step = async {
        let answer = expect(stage.refund(&stage.fans[0], payment), 200).await?;
        answer.check(answer.text("status") == "cancelled", "the payment is cancelled")?;
        answer.check(answer.body["newBalance"] == *amount, "the balance is that before the payment")?;
        Ok(((), format!("{seats} seats, {amount} back on the balance")))
    };
    report.step("refund", step).await?;
    let balance = i64::try_from(*amount).unwrap_or(i64::MAX);
    let expected = [("CHARGE", 1), ("PAYMENT", 1), ("REFUND", 1)];
    report.step("ledger after the refund", check_ledger(&stage.fans[0], balance, expected)).await?;
    report.step("availability after the refund", check_free_seats(stage, SEATS)).await?;
    report.step("sales report", check_sales(stage)).await
}

/// Returns how many seats the fan may buy, at most [`BOUGHT`].
async fn read_seat_map(stage: &Stage) -> Result<(u32, String), Complaint> {
    let (fan, concert) = (&stage.fans[0], stage.concert());
    let concert_now = expect(stage.client.get(format!("/api/v1/concerts/{}", concert.id)), 200).await?;
    let limit = concert_now.body["seatsPerSession"].as_u64().unwrap_or_default();
    concert_now.check(limit > 0, "seatsPerSession is at least 1")?;
    let map = expect(fan.seats(concert), 200).await?;
    let free = statuses(&map).filter(|status| *status == "AVAILABLE").count();
    map.check(free == SEATS as usize, "four seats are available")?;
    Ok((u32::try_from(limit.min(BOUGHT)).unwrap_or(1), format!("{free} seats AVAILABLE, {limit} a session")))
}

fn statuses(map: &Answer) -> impl Iterator<Item = &Value> {
    map.body.as_array().into_iter().flatten().map(|seat| &seat["status"])
}

async fn hold_and_cancel(stage: &Stage) -> Result<((), String), Complaint> {
    let (fan, concert) = (&stage.fans[0], stage.concert());
    let held = expect(fan.hold(concert, &[SEATS], Some(&stage.key("hold-1"))), 201).await?;
    held.check(held.text("status") == "PENDING", "the reservation is PENDING")?;
    expect(fan.cancel(held.text("reservationId")), 204).await?;
    let now = expect(fan.reservation(held.text("reservationId")), 200).await?;
    now.check(now.text("status") == "CANCELLED", "the reservation is CANCELLED")?;
    until("the seat is free again", BEHIND, async || {
        let map = expect(fan.seats(concert), 200).await?;
        Ok(statuses(&map).all(|status| status == "AVAILABLE").then_some(()))
    })
    .await?;
    Ok(((), format!("seat {SEATS} was held, and is free again")))
}

/// By the administrator: most deployments do not let fans recharge.
async fn credit(stage: &Stage, amount: u64) -> Result<((), String), Complaint> {
    let fan = &stage.fans[0];
    let body = json!({ "userId": fan.id, "amount": amount, "reference": stage.key("credit") });
    let request = stage.office(Method::POST, "/api/v1/payments/recharge").json(&body);
    let answer = expect(request.key(Some(&stage.key("credit"))), 200).await?;
    let balances = ["currentBalance", "newBalance"].map(|name| answer.body[name].as_u64());
    answer.check(balances == [Some(0), Some(amount)], &format!("the balance rises from 0 to {amount}"))?;
    Ok(((), format!("{amount} from the administrator")))
}

/// Holds seats, twice with the same key. Returns the reservation's id.
async fn hold(stage: &Stage, seats: &[u32], amount: u64) -> Result<(String, String), Complaint> {
    let (fan, concert, key) = (&stage.fans[0], stage.concert(), stage.key("hold-2"));
    let held = expect(fan.hold(concert, seats, Some(&key)), 201).await?;
    held.check(held.text("status") == "PENDING" && held.body["amount"] == amount, "the seats are held at their price")?;
    let again = expect(fan.hold(concert, seats, Some(&key)), 201).await?;
    let replayed = again.header("idempotency-replayed") == "true";
    again.check(replayed && again.body["reservationId"] == held.body["reservationId"], "the key replays the hold")?;
    Ok((held.text("reservationId").to_owned(), format!("seats {seats:?} until {}", held.text("expiresAt"))))
}

/// Pays, and returns the payment's id.
async fn pay(stage: &Stage, reservation: &str, amount: u64) -> Result<(String, String), Complaint> {
    let answer = expect(stage.fans[0].pay(reservation, amount, Some(&stage.key("pay"))), 200).await?;
    answer.check(answer.text("status") == "success", "the payment is a success")?;
    answer.check(answer.body["newBalance"] == 0, "nothing is left on the balance")?;
    answer.check(answer.body["sessionOver"] == true, "the payment ends the session")?;
    Ok((answer.text("paymentId").to_owned(), format!("{amount} paid, the session is over")))
}

async fn pay_again(stage: &Stage, reservation: &str, amount: u64, payment: &str) -> Result<((), String), Complaint> {
    let answer = expect(stage.fans[0].pay(reservation, amount, Some(&stage.key("pay"))), 200).await?;
    answer.check(answer.text("paymentId") == payment, "the payment is the same")?;
    answer.check(answer.header("idempotency-replayed") == "true", "the answer has Idempotency-Replayed")?;
    Ok(((), "the same answer, with Idempotency-Replayed".to_owned()))
}

async fn check_ledger(fan: &Fan, balance: i64, expected: [(&str, usize); 3]) -> Result<((), String), Complaint> {
    let (history, shown) = (expect(fan.history(), 200).await?, expect(fan.balance(), 200).await?);
    let ledger = Ledger::new(&history, &shown).map_err(|difference| history.complain(difference))?;
    ledger.check().map_err(|difference| history.complain(difference))?;
    history
        .check(expected.iter().all(|(kind, count)| ledger.count(kind) == *count), &format!("entries {expected:?}"))?;
    shown.check(ledger.balance == balance, &format!("the balance is {balance}"))?;
    Ok(((), format!("{} entries add up to {balance}", ledger.entries.len())))
}

async fn check_free_seats(stage: &Stage, expected: u32) -> Result<((), String), Complaint> {
    let path = format!("/api/v1/concerts/{}/availability", stage.concert().id);
    until(&format!("{expected} seats are free"), BEHIND, async || {
        let answer = expect(stage.client.get(&path), 200).await?;
        let free = &answer.body["free"];
        answer.check(answer.body["total"] == SEATS && answer.body["byBlock"][0]["free"] == *free, "the sums agree")?;
        Ok((*free == expected).then_some(()))
    })
    .await?;
    Ok(((), format!("{expected} of {SEATS} seats are free")))
}

async fn check_sales(stage: &Stage) -> Result<((), String), Complaint> {
    let path = format!("/api/v1/admin/concerts/{}/sales", stage.concert().id);
    let answer = expect(stage.office(Method::GET, path), 200).await?;
    let numbers = ["sold", "held", "free", "revenue"].map(|name| answer.body[name].as_u64());
    answer.check(numbers == [Some(0), Some(0), Some(SEATS.into()), Some(0)], "nothing is sold, held or earned")?;
    Ok(((), "nothing sold, nothing earned".to_owned()))
}
