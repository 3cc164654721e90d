//! The data that exists before the tool starts: concerts, fans, balances, reservations.

use e2e::{Fan, PASSWORD, Site};
use serde_json::{Value, json};

/// The number of seats of each concert.
const SEATS: u32 = 200;

/// What the tool knows about the system.
pub struct Stage {
    /// The OpenAPI document that the system serves.
    pub document: Value,
    /// Two fans, who must not see each other's data. The ids below are those of the first.
    pub fans: [Credentials; 2],
    /// User ids: the first fan's three times, so that it is used more often, and the second fan's.
    pub users: Vec<String>,
    /// The price of each seat.
    pub price: u64,
    /// The ids of the concerts, on sale behind the queue `main`.
    pub concerts: Vec<String>,
    /// The ids of their events.
    pub events: Vec<String>,
    /// The first fan's reservations: two open, one paid, one refunded.
    pub reservations: Vec<String>,
    /// The first fan's payments.
    pub payments: Vec<String>,
}

/// The credentials of a fan.
pub struct Credentials {
    /// The user name.
    pub name: String,
    /// The password.
    pub password: &'static str,
    /// An access token.
    pub access: String,
}

impl Stage {
    /// Creates the data.
    pub async fn set(site: &Site) -> Self {
        let (first, second) = (site.concert("main", SEATS).await, site.concert("main", SEATS).await);
        let mut events = Vec::new();
        for concert in [&first, &second] {
            let shown = site.client.get(format!("/api/v1/concerts/{}", concert.id)).send().await.expect(200);
            events.push(shown.text("eventId").to_owned());
        }
        let fans = site.fans_inside("main", 2).await;
        let [fan, other] = &fans[..] else { panic!("two fans") };
        let price = first.price;
        fan.recharge(50 * price, None).send().await.expect(200);
        let mut reservations = Vec::new();
        for seat in 1..=4 {
            reservations.push(fan.hold_seats(&first, &[seat]).await);
        }
        other.hold_seats(&second, &[1]).await;
        let mut payments = Vec::new();
        // The other two stay open, so that the session goes on.
        for reservation in &reservations[..2] {
            let payment = fan.pay(reservation, price, None).send().await.expect(200);
            payments.push(payment.text("paymentId").to_owned());
        }
        let refund = format!("/api/v1/payments/{}/cancel", payments[1]);
        site.client.post(refund, &json!({})).bearer(&fan.access).send().await.expect(200);
        Self {
            document: site.client.get("/openapi.json").send().await.expect(200).body,
            users: vec![fan.id.clone(), fan.id.clone(), fan.id.clone(), other.id.clone()],
            fans: [credentials(fan), credentials(other)],
            price,
            concerts: vec![first.id, second.id],
            events,
            reservations,
            payments,
        }
    }

    /// The values for the placeholders of the tool's configuration, by name.
    pub fn dictionaries(&self) -> [(&'static str, Value); 7] {
        [
            ("users", json!(self.users)),
            ("concerts", json!(self.concerts)),
            ("events", json!(self.events)),
            ("reservations", json!(self.reservations)),
            ("payments", json!(self.payments)),
            ("numbers", (1..=SEATS / 2).collect()),
            ("price", json!(self.price)),
        ]
    }
}

fn credentials(fan: &Fan) -> Credentials {
    Credentials { name: fan.name.clone(), password: PASSWORD, access: fan.access.clone() }
}
