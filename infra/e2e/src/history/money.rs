//! Checks that the final ledgers explain every answer about money, and contain nothing else.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    call::{Call, Op, short},
    end::{Account, End},
    json::{number, seats_of, text},
};

/// Checks every account, and the sum of all.
pub fn check(calls: &[Call], end: &End, wrong: &mut Vec<String>) {
    let mut by_fan: BTreeMap<&str, Vec<&Call>> = BTreeMap::new();
    for call in calls {
        by_fan.entry(&call.fan).or_default().push(call);
    }
    let (mut charged, mut left, mut earned) = (0, 0, 0);
    for (fan, account) in &end.accounts {
        let calls = by_fan.get(fan.as_str()).map_or(&[] as &[&Call], Vec::as_slice);
        let book = Book::new(fan, calls, account);
        book.check_sums(wrong);
        book.check_entries(wrong);
        book.check_answers(wrong);
        book.check_looks(wrong);
        charged += sum(&account.ledger, "CHARGE");
        left += account.balance;
        let confirmed = account.reservations.iter().filter(|found| text(found, "status") == "CONFIRMED");
        let price: u64 = confirmed.map(|found| end.price * seats_of(found).len() as u64).sum();
        let paid = sum(&account.ledger, "PAYMENT").checked_sub(sum(&account.ledger, "REFUND"));
        if paid != Some(price) {
            wrong.push(format!("fan {} paid {paid:?} in all, for reservations of {price}", short(fan)));
        }
        earned += price;
    }
    if charged != left + earned {
        wrong.push(format!("{charged} was recharged; {left} is left on the balances and {earned} was earned"));
    }
    if end.revenue != earned {
        wrong.push(format!("the sales report says {}, the reservations {earned}", end.revenue));
    }
}

fn sum(ledger: &[Value], kind: &str) -> u64 {
    ledger.iter().filter(|entry| text(entry, "type") == kind).map(|entry| number(entry, "amount")).sum()
}

/// Type and amount (recharge) or reservation of an entry of the ledger. No two entries of a fan have the same cause.
type Cause = (&'static str, String);

fn cause(entry: &Value) -> Cause {
    match text(entry, "type") {
        "CHARGE" => ("CHARGE", number(entry, "amount").to_string()),
        "PAYMENT" => ("PAYMENT", text(entry, "reservationId").to_owned()),
        _ => ("REFUND", text(entry, "reservationId").to_owned()),
    }
}

fn cause_of(op: &Op) -> Option<Cause> {
    match op {
        Op::Recharge(amount) => Some(("CHARGE", amount.to_string())),
        Op::Pay(id) => Some(("PAYMENT", id.clone())),
        Op::Refund(id) => Some(("REFUND", id.clone())),
        _ => None,
    }
}

/// The time in which an entry was written: after the first call that requested it was sent, and before the first answer
/// that acknowledges it.
#[derive(Clone, Copy)]
struct Window {
    after: u64,
    by: u64,
}

/// The final ledger of a fan, with the calls of that fan.
struct Book<'a> {
    fan: &'a str,
    calls: &'a [&'a Call],
    account: &'a Account,
    windows: BTreeMap<Cause, Window>,
    /// The index of each entry, from 0, by its cause.
    positions: BTreeMap<Cause, usize>,
    /// Lower bounds: from this time on, the ledger surely had this many entries.
    least: Vec<(u64, usize)>,
    /// Upper bounds: until this time, the ledger had at most this many entries.
    most: Vec<(u64, usize)>,
}

impl<'a> Book<'a> {
    fn new(fan: &'a str, calls: &'a [&'a Call], account: &'a Account) -> Self {
        let mut windows: BTreeMap<Cause, Window> = BTreeMap::new();
        for call in calls.iter().filter(|call| !call.is_refused()) {
            let Some(cause) = cause_of(&call.op) else { continue };
            let window = windows.entry(cause).or_insert(Window { after: u64::MAX, by: u64::MAX });
            window.after = window.after.min(call.start_ms);
            window.by = window.by.min(call.done_by());
        }
        let positions = account.ledger.iter().enumerate().map(|(index, entry)| (cause(entry), index)).collect();
        let known = account.ledger.iter().map(|entry| windows.get(&cause(entry)).copied());
        let (mut least, mut most) = (Vec::new(), Vec::new());
        for (index, window) in known.enumerate() {
            let Some(window) = window else { continue };
            least.push((window.by, index + 1));
            most.push((window.after, index));
        }
        Self { fan: short(fan), calls, account, windows, positions, least, most }
    }

    fn ledger(&self) -> &[Value] {
        &self.account.ledger
    }

    /// The numbers have no gap, each `balanceAfter` follows from the entry before, and the last is the balance.
    fn check_sums(&self, wrong: &mut Vec<String>) {
        let mut balance = 0_u64;
        for (entry, sequence) in self.ledger().iter().zip(1..) {
            let amount = number(entry, "amount");
            let after = if text(entry, "type") == "PAYMENT" {
                balance.checked_sub(amount)
            } else {
                balance.checked_add(amount)
            };
            balance = number(entry, "balanceAfter");
            if number(entry, "sequence") != sequence || after != Some(balance) {
                wrong
                    .push(format!("fan {}: entry {sequence} does not follow from the entry before: {entry}", self.fan));
            }
        }
        if balance != self.account.balance {
            wrong.push(format!("fan {}: balance {}, ledger {balance}", self.fan, self.account.balance));
        }
    }

    /// Each entry is there once, was requested, and is in an order that the answers allow.
    fn check_entries(&self, wrong: &mut Vec<String>) {
        let mut seen = BTreeSet::new();
        // The latest `after` so far, and its entry: entries from here on were written after that time.
        let mut latest = (0, 0);
        for (entry, sequence) in self.ledger().iter().zip(1..) {
            let cause = cause(entry);
            let Some(window) = self.windows.get(&cause) else {
                wrong.push(format!(
                    "fan {}: entry {sequence} was never requested, or its request was refused: {entry}",
                    self.fan
                ));
                continue;
            };
            if window.by < latest.0 {
                let (fan, other) = (self.fan, latest.1);
                wrong.push(format!(
                    "fan {fan}: entry {sequence} was acknowledged before entry {other} was requested: {entry}"
                ));
            }
            latest = latest.max((window.after, sequence));
            if let ("REFUND", id) = &cause
                && !seen.contains(&("PAYMENT", id.clone()))
            {
                wrong.push(format!("fan {}: entry {sequence} refunds what was not paid: {entry}", self.fan));
            }
            if !seen.insert(cause) {
                wrong.push(format!("fan {}: entry {sequence} is a duplicate: {entry}", self.fan));
            }
        }
    }

    /// Each acknowledged call has its entry, and the balance in the answer is that of the entry.
    fn check_answers(&self, wrong: &mut Vec<String>) {
        for call in self.calls {
            let Some(cause) = cause_of(&call.op).filter(|_| call.done_by() < u64::MAX) else { continue };
            let Some(position) = self.positions.get(&cause) else {
                wrong.push(format!("acknowledged, and not in the ledger: {call}"));
                continue;
            };
            let Some(reply) = call.granted() else { continue };
            let (entry, answered) = (&self.ledger()[*position], number(&reply.body, "newBalance"));
            let fits = match call.op {
                Op::Recharge(amount) => {
                    number(&reply.body, "currentBalance") + amount == answered
                        && number(entry, "balanceAfter") == answered
                }
                // A repeated refund is answered with the balance at that time.
                Op::Refund(_) if call.key.is_none() => self.balances(call).any(|balance| balance == answered),
                Op::Refund(_) => {
                    number(entry, "balanceAfter") == answered || self.balances(call).any(|balance| balance == answered)
                }
                _ => number(entry, "balanceAfter") == answered,
            };
            if !fits {
                wrong.push(format!("the balance differs from the ledger: {call}: {entry}"));
            }
        }
    }

    /// How many entries the ledger may have had during a call.
    fn range(&self, call: &Call) -> std::ops::RangeInclusive<usize> {
        let surely = self.least.iter().filter(|(by, _)| *by < call.start_ms).map(|(_, entries)| *entries);
        let least = surely.max().unwrap_or(0);
        let not_yet = self.most.iter().filter(|(after, _)| *after > call.end_ms).map(|(_, entries)| *entries);
        least..=not_yet.min().unwrap_or(self.ledger().len())
    }

    /// The balances that the ledger may have had during a call.
    fn balances(&self, call: &Call) -> impl Iterator<Item = u64> {
        self.range(call).map(|entries| match entries.checked_sub(1) {
            Some(last) => number(&self.ledger()[last], "balanceAfter"),
            None => 0,
        })
    }

    /// A read shows a state that may have existed during the call, with everything that was acknowledged before it. A
    /// payment is refused only where the balance may have been too low.
    fn check_looks(&self, wrong: &mut Vec<String>) {
        for call in self.calls {
            let Some(reply) = call.reply() else { continue };
            match (&call.op, reply.status) {
                (Op::Balance, 200) => {
                    let shown = number(&reply.body, "currentBalance");
                    if !self.balances(call).any(|balance| balance == shown) {
                        wrong.push(format!("a balance that did not exist during the call: {call}"));
                    }
                }
                (Op::Ledger, 200) => self.check_shown(call, &reply.body, wrong),
                (Op::Pay(id), 409) if reply.code() == "insufficient_balance" => {
                    let found = self.account.reservations.iter().find(|found| text(found, "reservationId") == id);
                    let price = found.map_or(u64::MAX, |found| number(found, "amount"));
                    if self.balances(call).all(|balance| balance >= price) {
                        wrong.push(format!("refused although the balance covered {price}: {call}"));
                    }
                }
                _ => {}
            }
        }
    }

    /// A page of the ledger, newest first, is the end of a ledger that may have existed during the call.
    fn check_shown(&self, call: &Call, page: &Value, wrong: &mut Vec<String>) {
        let shown = page["items"].as_array().map_or(&[] as &[Value], Vec::as_slice);
        let entries = shown.first().map_or(0, |newest| number(newest, "sequence") as usize);
        let there = self.ledger().iter().take(entries).rev();
        if !self.range(call).contains(&entries) || !shown.iter().zip(there).all(|(shown, there)| shown == there) {
            wrong.push(format!("a ledger that did not exist during the call, up to entry {entries}: {call}"));
        }
    }
}
