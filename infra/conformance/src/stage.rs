//! What exists before the tool starts: concerts, fans, money, reservations.

use e2e::{Fan, PASSWORD, Site};
use serde_json::{Value, json};

/// Seats of each concert.
const SEATS: u32 = 200;

/// What the tool is told of the system.
pub struct Stage {
    /// What the system says about itself.
    pub document: Value,
    /// The names of two fans who must not see what is the other's; the first one's ids are below.
    pub fans: [Credentials; 2],
    /// The ids of the first fan and, rarer, of the other.
    pub users: Vec<String>,
    /// What a seat costs.
    pub price: u64,
    /// Concerts on sale behind the queue `main`.
    pub concerts: Vec<String>,
    /// Their events.
    pub events: Vec<String>,
    /// The first fan's reservations: open, paid, and refunded.
    pub reservations: Vec<String>,
    /// The first fan's payments.
    pub payments: Vec<String>,
}

/// How a fan proves who he is.
pub struct Credentials {
    /// The user name.
    pub name: String,
    /// The password.
    pub password: &'static str,
    /// An access token.
    pub access: String,
}

impl Stage {
    /// Sets everything up.
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
        // The other two stay open: the session goes on.
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

    /// The values that stand in the tool's configuration, by name.
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

fn credentials(fan: &Fan<'_>) -> Credentials {
    Credentials { name: fan.name.clone(), password: PASSWORD, access: fan.access.clone() }
}
