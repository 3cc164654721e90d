//! Balances and ledgers as fans saw them.

use super::{Call, History, Op};
use crate::{
    change::{number, text},
    invariants::Oracle,
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Checks every answer about money, fan by fan.
pub fn check(history: &History, end: &Oracle, wrong: &mut Vec<String>) {
    let empty = Vec::new();
    let mut calls: BTreeMap<&str, Vec<&Call>> = BTreeMap::new();
    for call in &history.calls {
        calls.entry(&call.user_id).or_default().push(call);
    }
    for (user, calls) in &calls {
        let account = Account { user, calls, ledger: end.money.ledgers.get(*user).unwrap_or(&empty) };
        account.check_charges(wrong);
        account.check_shared_charges(wrong);
        account.check_payments(wrong);
        account.check_missing(end, wrong);
        account.check_looks(wrong);
    }
}

struct Account<'a> {
    user: &'a str,
    calls: &'a [&'a Call],
    /// All ledger entries at the end, in order.
    ledger: &'a [Value],
}

impl Account<'_> {
    /// The balance after the first `entries` entries.
    fn balance(&self, entries: usize) -> u64 {
        entries.checked_sub(1).map_or(0, |last| number(&self.ledger[last], "balanceAfter"))
    }

    /// The first and the last entry (counted from 1) that a request may have made, by its answer; `None` if it was not
    /// granted or no entry fits.
    fn entries_of(&self, call: &Call) -> Option<(usize, usize)> {
        let reply = call.outcome.reply().filter(|reply| reply.status == 200)?;
        let is = |entry: &Value| match &call.op {
            Op::Recharge(amount, _) => {
                text(entry, "type") == "CHARGE"
                    && number(entry, "amount") == *amount
                    && number(entry, "balanceAfter") == number(&reply.body, "newBalance")
            }
            Op::Pay(id, _) => text(entry, "type") == "PAYMENT" && text(entry, "reservationId") == id,
            Op::Refund(id, _) => text(entry, "type") == "REFUND" && text(entry, "reservationId") == id,
            _ => false,
        };
        let (first, last) = (self.ledger.iter().position(is)?, self.ledger.iter().rposition(is)?);
        Some((first + 1, last + 1))
    }

    /// Each granted recharge is in the ledger, and there are no more charges than keys and deliveries without a key.
    fn check_charges(&self, wrong: &mut Vec<String>) {
        let (mut granted, mut keys, mut without) = (BTreeSet::new(), BTreeSet::new(), 0);
        let mut bodies: BTreeMap<&str, &Value> = BTreeMap::new();
        for call in self.calls {
            let Op::Recharge(amount, key) = &call.op else { continue };
            match key {
                Some(key) => drop(keys.insert(key.as_str())),
                None => without += call.deliveries,
            }
            let Some(reply) = call.outcome.reply().filter(|reply| reply.status == 200) else { continue };
            if number(&reply.body, "newBalance") != number(&reply.body, "currentBalance") + amount {
                wrong.push(format!("history: {} recharged {amount} and is answered {}", self.user, reply.body));
            }
            let once = key.as_ref().is_some_and(|key| **bodies.entry(key).or_insert(&reply.body) != reply.body);
            if once || self.entries_of(call).is_none() {
                wrong.push(format!(
                    "history: {} recharged {amount}, answered {}, ledger {:?}",
                    self.user, reply.body, self.ledger
                ));
            }
            let known = key.clone().unwrap_or_else(|| format!("{}", call.start_ms));
            granted.insert(known);
        }
        let charges = self.ledger.iter().filter(|entry| text(entry, "type") == "CHARGE").count();
        // Each delivery adds money at most once, however often the function retries its writes.
        if charges > keys.len() + without {
            wrong.push(format!(
                "history: {} has {charges} charges for {} keys, {without} without",
                self.user,
                keys.len()
            ));
        }
        if without == 0 && charges < granted.len() {
            wrong.push(format!("history: {} was granted {} charges and has {charges}", self.user, granted.len()));
        }
    }

    /// No two granted recharges are answered for one entry, unless one replays the other.
    fn check_shared_charges(&self, wrong: &mut Vec<String>) {
        let mut granted: BTreeMap<(u64, u64), BTreeSet<String>> = BTreeMap::new();
        for (index, call) in self.calls.iter().enumerate() {
            let Op::Recharge(amount, key) = &call.op else { continue };
            let Some(reply) = call.outcome.reply().filter(|reply| reply.status == 200) else { continue };
            let request = key.as_ref().map_or(format!("{index}"), |key| format!("key {key}"));
            granted.entry((*amount, number(&reply.body, "newBalance"))).or_default().insert(request);
        }
        for ((amount, after), requests) in granted {
            let is = |entry: &&Value| {
                text(entry, "type") == "CHARGE"
                    && number(entry, "amount") == amount
                    && number(entry, "balanceAfter") == after
            };
            let entries = self.ledger.iter().filter(is).count();
            if entries < requests.len() {
                wrong.push(format!(
                    "history: {} was granted {} recharges of {amount} up to {after}, ledger {:?}",
                    self.user,
                    requests.len(),
                    self.ledger
                ));
            }
        }
    }

    /// Each granted payment or refund is in the ledger, with the balance that was answered.
    fn check_payments(&self, wrong: &mut Vec<String>) {
        for call in self.calls.iter().filter(|call| matches!(call.op, Op::Pay(..) | Op::Refund(..))) {
            let Some(reply) = call.outcome.reply().filter(|reply| reply.status == 200) else { continue };
            let Some((entry, _)) = self.entries_of(call) else {
                wrong.push(format!("history: {} {} was granted and is not in the ledger", self.user, call.op));
                continue;
            };
            let answered = number(&reply.body, "newBalance");
            // A repeated refund is answered with the balance at the time of the repeat.
            let fits = match call.op {
                Op::Pay(..) => answered == self.balance(entry),
                _ => self.range(call).any(|entries| self.balance(entries) == answered),
            };
            if !fits && !reply.headers.contains_key("idempotency-replayed") {
                wrong.push(format!("history: {} {} and is answered a balance of {answered}", self.user, call.op));
            }
        }
    }

    /// `insufficient_balance` is answered only if the balance was too low while the reservation was not paid.
    fn check_missing(&self, end: &Oracle, wrong: &mut Vec<String>) {
        for call in self.calls {
            let (Op::Pay(id, _), Some(reply)) = (&call.op, call.outcome.reply()) else { continue };
            if reply.text("code") != "insufficient_balance" {
                continue;
            }
            let price = end.seats.reservations.get(id).map_or(0, |reservation| number(reservation, "amount"));
            let is = |entry: &Value| text(entry, "type") == "PAYMENT" && text(entry, "reservationId") == id;
            let unpaid = self.ledger.iter().position(is).unwrap_or(self.ledger.len());
            if !self.range(call).any(|entries| entries <= unpaid && self.balance(entries) < price) {
                wrong.push(format!("history: {} {} and lacks no money, ledger {:?}", self.user, call.op, self.ledger));
            }
        }
    }

    /// How many ledger entries there may have been while a request was under way.
    fn range(&self, call: &Call) -> impl Iterator<Item = usize> + use<> {
        let made = |other: &&&Call| matches!(other.op, Op::Recharge(..) | Op::Pay(..) | Op::Refund(..));
        let (mut least, mut most) = (0, self.ledger.len());
        for other in self.calls.iter().filter(made) {
            let Some((first, last)) = self.entries_of(other) else { continue };
            if other.end_ms < call.start_ms {
                least = least.max(first);
            }
            // An entry may come from an earlier request that got no answer.
            let same = |earlier: &&&Call| earlier.op == other.op && earlier.start_ms <= call.end_ms;
            if other.start_ms > call.end_ms
                && !self.calls.iter().any(|earlier| same(&earlier))
                && !self.unsure(&other.op)
            {
                most = most.min(last - 1);
            }
        }
        least..=most.max(least)
    }

    /// Whether another request may have made this entry: the reservation has several such requests, or it is a recharge
    /// without a key.
    fn unsure(&self, op: &Op) -> bool {
        match op {
            Op::Pay(id, _) => {
                self.calls.iter().filter(|call| matches!(&call.op, Op::Pay(of, _) if of == id)).count() > 1
            }
            Op::Refund(id, _) => {
                self.calls.iter().filter(|call| matches!(&call.op, Op::Refund(of, _) if of == id)).count() > 1
            }
            Op::Recharge(_, None) => true,
            _ => false,
        }
    }

    /// A balance or ledger that was shown existed while the request was under way.
    fn check_looks(&self, wrong: &mut Vec<String>) {
        for call in self.calls {
            let Some(reply) = call.outcome.reply().filter(|reply| reply.status == 200) else { continue };
            match call.op {
                Op::Balance => {
                    let shown = number(&reply.body, "currentBalance");
                    if !self.range(call).any(|entries| self.balance(entries) == shown) {
                        wrong.push(format!(
                            "history: {} is shown a balance of {shown}, ledger {:?}",
                            self.user, self.ledger
                        ));
                    }
                }
                Op::Ledger => {
                    let shown = reply.body["items"].as_array().map_or(&[] as &[Value], Vec::as_slice);
                    let same = |one: &Value, other: &Value| {
                        ["sequence", "amount", "balanceAfter", "type"].iter().all(|name| one[*name] == other[*name])
                    };
                    let last = shown.first().map_or(0, |entry| number(entry, "sequence") as usize);
                    let theirs = self.ledger.iter().take(last).rev();
                    let fits = shown.iter().zip(theirs).all(|(one, other)| same(one, other));
                    if !fits || !self.range(call).any(|entries| entries == last) {
                        wrong.push(format!("history: {} is shown {shown:?}, ledger {:?}", self.user, self.ledger));
                    }
                }
                _ => {}
            }
        }
    }
}
