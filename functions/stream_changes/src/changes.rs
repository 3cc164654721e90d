//! The effects of a batch of stream records.

use aws_lambda_events::event::dynamodb::EventRecord;
use serde::de::DeserializeOwned;
use serde_dynamo::Item;
use serde_json::json;
use shared::{
    domain::{
        event::EventType,
        id::{ConcertId, PaymentId, QueueId, UserId},
        layout::Chunk,
        ledger::LedgerEntry,
        reservation::{Reservation, ReservationStatus},
        session::{EndReason, Session},
        ticket::Place,
        time::Timestamp,
    },
    events::DomainEvent,
    queues::Timer,
    store::{alarms::Alarm, item_kind::ItemKind, keys, seats::SeatItem},
};
use std::collections::{BTreeMap, BTreeSet};

/// Who deleted an item, in the record of a deletion by TTL.
const TTL: &str = "dynamodb.amazonaws.com";

/// The deduplicated effects of one stream batch.
#[derive(Debug, Default)]
pub struct Changes {
    /// Timers to send, with the time they are due.
    pub timers: BTreeMap<Timer, Timestamp>,
    /// Events to send, in order.
    pub events: Vec<DomainEvent>,
    /// Chunks to recount.
    pub chunks: BTreeSet<(ConcertId, Chunk)>,
    /// Alarms that were put.
    pub alarms: Vec<Alarm>,
    /// The lowest place that ended in each queue. If it was admitted, a slot became free.
    pub ended: BTreeMap<QueueId, Place>,
    /// When the oldest change was written.
    pub oldest: Option<Timestamp>,
    /// Admitted places that nobody claimed in time.
    pub no_shows: u32,
}

impl Changes {
    /// Adds the effects of a record. Skips items that have none.
    pub fn note(&mut self, record: EventRecord) -> Result<(), serde_dynamo::Error> {
        let at = record.change.approximate_creation_date_time;
        let at = Timestamp::from_millis(at.timestamp_millis());
        self.oldest = Some(self.oldest.map_or(at, |oldest| oldest.min(at)));
        let by_ttl = record.user_identity.is_some_and(|user| user.principal_id == TTL);
        let (old, new) = (record.change.old_image, record.change.new_image);
        let either = if new.is_empty() { &old } else { &new };
        let (partition, sort) = (text(either, "pk"), text(either, "sk"));
        match ItemKind::of(partition, sort) {
            ItemKind::Reservation => self.note_reservation(read(old)?, read(new)?, at),
            ItemKind::LedgerEntry => {
                if let Some(user) = partition.strip_prefix(keys::FAN_PREFIX).and_then(|id| id.parse().ok()) {
                    self.note_entry(user, read(new)?, at);
                }
            }
            ItemKind::Seat => self.note_seat(read(old)?, read(new)?, by_ttl),
            ItemKind::Session => self.note_session(read(old)?, read(new)?, at),
            ItemKind::Alarm if old.is_empty() => self.alarms.extend(read::<Alarm>(new)?),
            _ => {}
        }
        Ok(())
    }

    fn note_reservation(&mut self, old: Option<Reservation>, new: Option<Reservation>, at: Timestamp) {
        let Some(new) = new else { return };
        if old.is_some_and(|old| old.status == new.status) {
            return;
        }
        let (id, user_id) = (new.reservation_id, new.user_id);
        if new.status == ReservationStatus::Pending {
            self.timers.insert(Timer { user_id, reservation_id: id }, new.expires_at);
        }
        let event_type = EventType::of_reservation(new.status);
        self.events.push(DomainEvent {
            id: format!("reservation/{id}/{}", event_type.verb()),
            event_type,
            at,
            subject: id.to_string(),
            data: json!({
                "reservationId": id, "userId": user_id, "concertId": new.concert_id, "seatNumbers": new.seat_numbers,
                "amount": new.amount, "expiresAt": new.expires_at.rfc3339(),
                "paymentId": new.paid_at.map(|_| PaymentId::of(id)),
            }),
        });
    }

    fn note_entry(&mut self, user: UserId, entry: Option<LedgerEntry>, at: Timestamp) {
        let Some(entry) = entry else { return };
        self.events.push(DomainEvent {
            id: format!("ledger/{user}/{}", entry.sequence),
            event_type: EventType::of_entry(entry.entry_type),
            at,
            subject: user.to_string(),
            data: json!({
                "userId": user, "sequence": entry.sequence, "amount": entry.amount,
                "balanceAfter": entry.balance_after, "reservationId": entry.reservation_id,
                "paymentId": entry.reservation_id.map(PaymentId::of),
            }),
        });
    }

    /// Adds the recount of a seat's chunk. If a held seat was taken over, or deleted by TTL, adds a timer for its old
    /// reservation too, whose own timer may be lost. Other deletions settle the reservation themselves.
    fn note_seat(&mut self, old: Option<SeatItem>, new: Option<SeatItem>, by_ttl: bool) {
        for seat in old.iter().chain(&new) {
            self.chunks.insert((seat.concert_id, seat.seat_number.chunk()));
        }
        let Some(old) = old else { return };
        let lost = new.map_or(by_ttl, |new| new.reservation_id != old.reservation_id);
        if let (true, Some(held_until)) = (lost, old.held_until) {
            let timer = Timer { user_id: old.user_id, reservation_id: old.reservation_id };
            self.timers.entry(timer).or_insert(held_until);
        }
    }

    fn note_session(&mut self, old: Option<Session>, new: Option<Session>, at: Timestamp) {
        let Some(new) = new else { return };
        let (queue, place) = (&new.queue_id, new.place.get());
        let (was_live, had_begun) = (old.as_ref().is_none_or(|s| s.ended.is_none()), old.is_some());
        let event_type = match (new.ended, had_begun) {
            (None, false) => EventType::SessionStarted,
            (Some(_), _) if was_live => EventType::SessionEnded,
            _ => return,
        };
        // A tick wrote these reasons itself, so it needs no other tick.
        self.no_shows += u32::from(new.end_reason == Some(EndReason::NoShow));
        let by_tick = matches!(new.end_reason, Some(EndReason::NoShow | EndReason::Expired | EndReason::WaitedTooLong));
        if event_type == EventType::SessionEnded && !by_tick {
            let lowest = self.ended.entry(queue.clone()).or_insert(new.place);
            *lowest = new.place.min(*lowest);
        }
        self.events.push(DomainEvent {
            id: format!("session/{queue}/{place}/{}", event_type.verb()),
            event_type,
            at,
            subject: format!("{queue}/{place}"),
            data: json!({ "queueId": queue, "place": place, "userId": new.user_id, "reason": new.end_reason }),
        });
    }
}

fn text<'a>(item: &'a Item, name: &str) -> &'a str {
    match item.get(name) {
        Some(serde_dynamo::AttributeValue::S(text)) => text,
        _ => "",
    }
}

fn read<T: DeserializeOwned>(image: Item) -> Result<Option<T>, serde_dynamo::Error> {
    if image.is_empty() { Ok(None) } else { serde_dynamo::from_item(image).map(Some) }
}
