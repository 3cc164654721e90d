//! Demo data: an administrator, and concerts on sale.

use std::{collections::BTreeMap, sync::Arc};

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use shared::{
    config::Config,
    context::Context as Source,
    domain::{
        account::{Password, Role, Username},
        amount::Amount,
        concert::{Concert, ConcertWithLayout},
        id::{EventId, QueueId},
        layout::{Block, Layout, SeatNumber},
        time::Timestamp,
    },
    passwords,
    secrets::Secrets,
    store::Store,
};

use crate::{
    aws::{DUMMY_CREDENTIALS, REGION},
    failure::{Context, Failure},
};

const DAY_SECONDS: i64 = 86_400;
/// Start of a concert (seconds after midnight, UTC), and its length.
const DOORS_SECONDS: i64 = 19 * 3_600;
const LENGTH_SECONDS: i64 = 3 * 3_600;

/// Name, days from today, and hall of each concert. A concert with the name of its predecessor belongs to the same
/// event.
const PROGRAMME: [(&str, i64, Hall); 5] = [
    ("Winter Gala", 7, Hall::Standard),
    ("Winter Gala", 8, Hall::Standard),
    ("Stadium Night", 14, Hall::Stadium),
    ("String Quartet", 21, Hall::Standard),
    ("Spring Premiere", 45, Hall::Standard),
];

/// The stadium's blocks: section, first and last seat, type, price.
const STADIUM: [(&str, u32, u32, &str, u64); 4] = [
    ("VIP", 1, 200, "VIP", 250_000),
    ("A", 201, 1_500, "PREMIUM", 150_000),
    ("B", 1_501, 3_000, "STANDARD", 90_000),
    ("C", 3_001, 5_000, "STANDARD", 60_000),
];

#[derive(Clone, Copy)]
enum Hall {
    /// The default layout.
    Standard,
    /// 5,000 seats: [`STADIUM`].
    Stadium,
}

/// Writes the demo data, unless the administrator exists.
///
/// `variables` are those of a function, so that the demo data gets the same defaults as data that functions write.
///
/// # Errors
/// When a variable is invalid or a table refuses a write.
pub async fn seed(
    endpoint: &str,
    variables: &BTreeMap<String, String>,
    administrator: &str,
    password: &str,
) -> Result<(), Failure> {
    let config = Config::from_lookup(|name| variables.get(name).cloned()).context("demo data")?;
    let source = Source::system();
    let secrets = Arc::new(Secrets::none(source.clone()));
    let store = Store::new(client(endpoint), &config, secrets, source.clone());
    let name = Username::parse(administrator).context("the administrator's name")?;
    match store.account_by_name(&name).await.context("demo data")? {
        Some(account) if account.role == Role::Admin => return Ok(()),
        // The start was interrupted after the concerts.
        Some(_) => return make_administrator(&store, &name).await,
        None => {}
    }
    for new in concerts(&config, &source)? {
        store.create_concert(&new, None, String::new).await.context(&new.concert.concert_name)?;
    }
    // Last: the account marks the demo data as complete, so an interrupted start writes it again.
    let password = Password::parse(password.to_owned()).context("the administrator's password")?;
    let hash = passwords::hash(&password).context("the administrator's password")?;
    store.create_account(&name, hash).await.context("the administrator")?;
    make_administrator(&store, &name).await
}

async fn make_administrator(store: &Store, name: &Username) -> Result<(), Failure> {
    store.set_role(name, Role::Admin).await.context("the administrator")?;
    Ok(())
}

fn concerts(config: &Config, source: &Source) -> Result<Vec<ConcertWithLayout>, Failure> {
    let now = source.now();
    let today = now.seconds().div_euclid(DAY_SECONDS) * DAY_SECONDS;
    let mut concerts: Vec<ConcertWithLayout> = Vec::new();
    for (name, days, hall) in PROGRAMME {
        let doors = today + days * DAY_SECONDS + DOORS_SECONDS;
        let starts_at = Timestamp::from_seconds(doors);
        let before = concerts.last().map(|before| &before.concert).filter(|before| before.concert_name == name);
        let event_id: EventId = before.map_or_else(|| source.event_id(), |before| before.event_id);
        let layout = match hall {
            Hall::Standard => Layout::standard(),
            Hall::Stadium => stadium()?,
        };
        let concert = Concert {
            concert_id: source.concert_id(),
            concert_name: name.to_owned(),
            event_id,
            category: "CONCERT".to_owned(),
            queue_id: QueueId::main(),
            starts_at,
            ends_at: Timestamp::from_seconds(doors + LENGTH_SECONDS),
            time_zone: config.time_zone,
            date: config.time_zone.day_of(starts_at),
            venue: None,
            enabled: true,
            sale_opens_at: now,
            sale_closes_at: starts_at,
            seating: layout.seating(),
            prices: layout.price_range(),
            layout: Concert::FIRST_LAYOUT,
            version: Concert::FIRST_VERSION,
        };
        concerts.push(ConcertWithLayout { concert: Arc::new(concert), layout: Arc::new(layout) });
    }
    Ok(concerts)
}

fn stadium() -> Result<Layout, Failure> {
    let seat = |number| SeatNumber::new(number).ok_or_else(|| Failure::new("a seat's number is at least 1"));
    let blocks = STADIUM
        .iter()
        .map(|(section, from, to, seat_type, price)| {
            Ok(Block {
                section: (*section).to_owned(),
                from: seat(*from)?,
                to: seat(*to)?,
                seat_type: (*seat_type).to_owned(),
                price: Amount::new(*price),
            })
        })
        .collect::<Result<_, Failure>>()?;
    Layout::new(blocks).map_err(|invalid| Failure::new(invalid.detail))
}

fn client(endpoint: &str) -> aws_sdk_dynamodb::Client {
    let (key, secret) = DUMMY_CREDENTIALS;
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .endpoint_url(endpoint)
        .region(Region::new(REGION))
        .credentials_provider(Credentials::new(key, secret, None, None, "local"));
    aws_sdk_dynamodb::Client::from_conf(config.build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn concerts_are_in_the_future_and_one_is_a_stadium() {
        let source = Source::system();
        let given = ["FANS", "CONCERTS", "QUEUES", "LIMITS", "JOINS"].map(|name| format!("{name}_TABLE"));
        let config = Config::from_lookup(|name| {
            (name.ends_with("_URL") || name.ends_with("_SECRET") || given.iter().any(|given| given == name))
                .then(|| name.to_lowercase())
        });
        let concerts = concerts(&config.expect("valid"), &source).expect("valid");
        assert!(concerts.iter().all(|new| new.concert.starts_at > source.now()));
        assert!(concerts.is_sorted_by_key(|new| new.concert.starts_at));
        assert_eq!(concerts[0].concert.event_id, concerts[1].concert.event_id);
        assert_ne!(concerts[1].concert.event_id, concerts[2].concert.event_id);
        let seats: Vec<_> = concerts.iter().map(|new| new.layout.seats_total()).collect();
        assert_eq!(seats, [50, 50, 5_000, 50, 50]);
    }
}
