//! Whether the ledgers in the end explain every answer about money, and hold nothing else.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Account, Call, End, Op, number, seats_of, short, text};

/// Checks every account and their sum.
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
        wrong.push(format!("{charged} was put in; {left} is left on the balances and {earned} was earned"));
    }
    if end.revenue != earned {
        wrong.push(format!("the sales report says {}, the reservations {earned}", end.revenue));
    }
}

fn sum(ledger: &[Value], kind: &str) -> u64 {
    ledger.iter().filter(|entry| text(entry, "type") == kind).map(|entry| number(entry, "amount")).sum()
}

/// What an entry of the ledger is for; at most one may be for the same.
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

/// When an entry was made: after a call that asked for it, before the first answer that says so.
#[derive(Clone, Copy)]
struct Window {
    after: u64,
    by: u64,
}

/// One fan's ledger beside what the fan asked for.
struct Book<'a> {
    fan: &'a str,
    calls: &'a [&'a Call],
    account: &'a Account,
    windows: BTreeMap<Cause, Window>,
    /// The positions of entries, from 0, by what they are for.
    positions: BTreeMap<Cause, usize>,
    /// How many entries there surely were from a time on, by that time.
    least: Vec<(u64, usize)>,
    /// How many entries there may have been until a time, by that time.
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

    /// Numbers without a gap, sums that are right at each entry, and the balance of the last.
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
                wrong.push(format!("fan {}: entry {sequence} of the ledger does not follow: {entry}", self.fan));
            }
        }
        if balance != self.account.balance {
            wrong.push(format!("fan {}: balance {}, ledger {balance}", self.fan, self.account.balance));
        }
    }

    /// Each entry once, asked for before, in an order that the answers allow.
    fn check_entries(&self, wrong: &mut Vec<String>) {
        let mut seen = BTreeSet::new();
        // Later entries were made after this time.
        let mut latest = (0, 0);
        for (entry, sequence) in self.ledger().iter().zip(1..) {
            let cause = cause(entry);
            let Some(window) = self.windows.get(&cause) else {
                wrong.push(format!("fan {}: entry {sequence} was never asked for, or refused: {entry}", self.fan));
                continue;
            };
            if window.by < latest.0 {
                let (fan, other) = (self.fan, latest.1);
                wrong.push(format!(
                    "fan {fan}: entry {sequence} was answered before entry {other} was asked for: {entry}"
                ));
            }
            latest = latest.max((window.after, sequence));
            if let ("REFUND", id) = &cause
                && !seen.contains(&("PAYMENT", id.clone()))
            {
                wrong.push(format!("fan {}: entry {sequence} gives back what was not paid: {entry}", self.fan));
            }
            if !seen.insert(cause) {
                wrong.push(format!("fan {}: entry {sequence} is there for the second time: {entry}", self.fan));
            }
        }
    }

    /// What was granted is in the ledger as it was told.
    fn check_answers(&self, wrong: &mut Vec<String>) {
        for call in self.calls {
            let Some(cause) = cause_of(&call.op).filter(|_| call.done_by() < u64::MAX) else { continue };
            let Some(position) = self.positions.get(&cause) else {
                wrong.push(format!("acknowledged, and not in the ledger: {call}"));
                continue;
            };
            let Some(reply) = call.granted() else { continue };
            let (entry, told) = (&self.ledger()[*position], number(&reply.body, "newBalance"));
            let fits = match call.op {
                Op::Recharge(amount) => {
                    number(&reply.body, "currentBalance") + amount == told && number(entry, "balanceAfter") == told
                }
                // One that had been given back before is answered with the balance as it is then.
                Op::Refund(_) if call.key.is_none() => self.balances(call).any(|balance| balance == told),
                Op::Refund(_) => {
                    number(entry, "balanceAfter") == told || self.balances(call).any(|balance| balance == told)
                }
                _ => number(entry, "balanceAfter") == told,
            };
            if !fits {
                wrong.push(format!("not the balance of the ledger: {call}: {entry}"));
            }
        }
    }

    /// How many entries there may have been while a call was under way.
    fn range(&self, call: &Call) -> std::ops::RangeInclusive<usize> {
        let surely = self.least.iter().filter(|(by, _)| *by < call.start_ms).map(|(_, entries)| *entries);
        let least = surely.max().unwrap_or(0);
        let not_yet = self.most.iter().filter(|(after, _)| *after > call.end_ms).map(|(_, entries)| *entries);
        least..=not_yet.min().unwrap_or(self.ledger().len())
    }

    /// The balances that there may have been while a call was under way.
    fn balances(&self, call: &Call) -> impl Iterator<Item = u64> {
        self.range(call).map(|entries| match entries.checked_sub(1) {
            Some(last) => number(&self.ledger()[last], "balanceAfter"),
            None => 0,
        })
    }

    /// What was shown was there, with all that had been acknowledged; and a fan with enough money is not sent away.
    fn check_looks(&self, wrong: &mut Vec<String>) {
        for call in self.calls {
            let Some(reply) = call.reply() else { continue };
            match (&call.op, reply.status) {
                (Op::Balance, 200) => {
                    let shown = number(&reply.body, "currentBalance");
                    if !self.balances(call).any(|balance| balance == shown) {
                        wrong.push(format!("a balance that there was not then: {call}"));
                    }
                }
                (Op::Ledger, 200) => self.check_shown(call, &reply.body, wrong),
                (Op::Pay(id), 409) if reply.code() == "insufficient_balance" => {
                    let found = self.account.reservations.iter().find(|found| text(found, "reservationId") == id);
                    let price = found.map_or(u64::MAX, |found| number(found, "amount"));
                    if self.balances(call).all(|balance| balance >= price) {
                        wrong.push(format!("refused though there was money enough for {price}: {call}"));
                    }
                }
                _ => {}
            }
        }
    }

    /// A page of the ledger, newest first, is the end of what there was.
    fn check_shown(&self, call: &Call, page: &Value, wrong: &mut Vec<String>) {
        let shown = page["items"].as_array().map_or(&[] as &[Value], Vec::as_slice);
        let entries = shown.first().map_or(0, |newest| number(newest, "sequence") as usize);
        let there = self.ledger().iter().take(entries).rev();
        if !self.range(call).contains(&entries) || !shown.iter().zip(there).all(|(shown, there)| shown == there) {
            wrong.push(format!("a ledger that there was not then, up to entry {entries}: {call}"));
        }
    }
}
