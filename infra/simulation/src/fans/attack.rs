//! Requests that must be refused: with the ids of others, with old tokens, with forged ones.

use super::{Fan, requests::payment_of};
use crate::{
    door,
    history::{Op, Outcome},
    lock::lock,
};
use acceptance::Request;
use serde_json::json;

impl Fan {
    /// Sends one request that is not allowed.
    pub(super) async fn attack(&mut self) {
        match self.dice.below(4) {
            0 => self.use_old_token().await,
            1 => self.use_reservation_of_another().await,
            2 => self.use_purse_of_another().await,
            _ => self.forge().await,
        }
    }

    async fn must_be_refused(&mut self, what: String, request: Request, codes: &[&str]) {
        let outcome = door::send(&self.world, &self.client, Op::Forbidden(what.clone()), request).await;
        if let Outcome::Answer(reply) = outcome
            && !matches!(reply.status, 429 | 503)
            && !codes.contains(&reply.text("code"))
        {
            self.world.violated(format!(
                "an attack succeeds: {} {what} and is answered {}",
                self.client.name,
                reply.outcome()
            ));
        }
    }

    /// Holds or leaves with an old queue token, which must have no effect once the fan has a later place.
    async fn use_old_token(&mut self) {
        let Some(old) = (!self.old_queue_tokens.is_empty()).then(|| self.dice.pick(&self.old_queue_tokens).clone())
        else {
            return;
        };
        let seat = self.dice.within(1..=u64::from(self.world.plan.seats));
        let op = if self.chance(5_000) { Op::Leave } else { Op::Hold(vec![seat], None) };
        // The token may be for the fan's current place, so the answer proves nothing. The invariants judge the writes.
        let request = self.request(&op, &old);
        door::send(&self.world, &self.client, op, request).await;
    }

    async fn use_reservation_of_another(&mut self) {
        let found = {
            let leaked_ids = lock(&self.others);
            let others: Vec<_> =
                leaked_ids.reservations.iter().filter(|(_, user)| *user != self.client.user_id).collect();
            if others.is_empty() { None } else { Some(self.dice.pick(&others).0.clone()) }
        };
        let Some(id) = found else { return };
        let access = self.access();
        let cancel = Request::new("DELETE", format!("/api/v1/reservations/{id}")).token(&access);
        self.must_be_refused(format!("cancels #{id} of another"), cancel, &["reservation_not_found"]).await;
        let refund = Request::new("POST", format!("/api/v1/payments/{}/cancel", payment_of(&id)));
        let refund = refund.token(&access).json(&json!({}));
        self.must_be_refused(format!("refunds the payment of #{id}"), refund, &["payment_not_found"]).await;
        if !self.queue_token.is_empty() {
            let body = json!({ "reservationId": id, "amount": self.world.plan.price });
            let pay = Request::new("POST", "/api/v1/payments/process").token(&self.queue_token.clone()).json(&body);
            let codes = ["reservation_not_found", "session_over", "not_active", "token_expired"];
            self.must_be_refused(format!("pays #{id} of another"), pay, &codes).await;
        }
    }

    async fn use_purse_of_another(&mut self) {
        let found = {
            let leaked_ids = lock(&self.others);
            let others: Vec<_> = leaked_ids.users.iter().filter(|user| **user != self.client.user_id).collect();
            if others.is_empty() { None } else { Some((*self.dice.pick(&others)).clone()) }
        };
        let Some(user) = found else { return };
        let access = self.access();
        let look = Request::new("GET", format!("/api/v1/payments/balance/{user}")).token(&access);
        self.must_be_refused(format!("reads the balance of {user}"), look, &["forbidden"]).await;
        let leave = Request::new("DELETE", format!("/api/v1/tokens/{user}")).token(&access);
        self.must_be_refused(format!("removes {user} from the queue"), leave, &["forbidden"]).await;
        let queue = Request::new("PUT", "/api/v1/admin/queues/main").token(&access).json(&json!({ "capacity": 1000 }));
        self.must_be_refused("raises the capacity of the queue".to_owned(), queue, &["forbidden"]).await;
    }

    /// Polls with the claims of the access token under the signature of the queue token.
    async fn forge(&mut self) {
        let mut parts: Vec<String> = self.queue_token.split('.').map(str::to_owned).collect();
        let mut others: Vec<String> = self.access().split('.').map(str::to_owned).collect();
        if parts.len() != 3 || others.len() != 3 {
            return;
        }
        std::mem::swap(&mut parts[1], &mut others[1]);
        let forged = Request::new("GET", format!("/api/v1/tokens/{}", self.client.user_id)).token(&parts.join("."));
        self.must_be_refused("forges a token".to_owned(), forged, &["unauthenticated"]).await;
    }
}
