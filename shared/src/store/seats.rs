//! Seats: an item exists only while the seat is held or sold.

use super::{
    Store, StoreError, keys,
    keys::Table,
    request::{self, n, s},
    transact_parts::transact_item,
};
use crate::domain::{
    amount::Amount,
    concert::SeatStatus,
    id::ConcertId,
    layout::{Chunk, SeatNumber, Span},
    reservation::Reservation,
    time::{Seconds, Timestamp},
};
use aws_sdk_dynamodb::types::TransactWriteItem;
use futures_util::future::try_join_all;

pub use crate::domain::seat::SeatItem;

/// How long after the end of its hold TTL may delete a seat. The timer comes first; no condition depends on either.
const TTL_GRACE: Seconds = Seconds(600);

impl Store {
    /// Reads all seat items of a chunk.
    pub async fn seats_of_chunk(
        &self,
        id: ConcertId,
        chunk: Chunk,
        consistent: bool,
    ) -> Result<Vec<SeatItem>, StoreError> {
        let query = self
            .query(Table::Concerts, &keys::chunk_partition(id, chunk))
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":prefix", s(keys::SEAT_PREFIX))
            .consistent_read(consistent);
        self.all_pages(query).await?.into_iter().map(request::parse).collect()
    }

    /// Reads all seat items of several chunks as they are now, in parallel.
    pub async fn seats_of_chunks(&self, id: ConcertId, chunks: &[Chunk]) -> Result<Vec<SeatItem>, StoreError> {
        let read = chunks.iter().map(|chunk| self.seats_of_chunk(id, *chunk, true));
        Ok(try_join_all(read).await?.into_iter().flatten().collect())
    }

    /// Reads the seat items in some spans, in parallel; they may be a moment old. The cost depends on the items in the
    /// spans.
    pub async fn seats_of_spans(&self, id: ConcertId, spans: &[Span]) -> Result<Vec<SeatItem>, StoreError> {
        let read = spans.iter().map(|span| {
            let query = self
                .query(Table::Concerts, &keys::chunk_partition(id, span.first.chunk()))
                .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :last")
                .expression_attribute_values(":first", s(keys::seat_sort(span.first)))
                .expression_attribute_values(":last", s(keys::seat_sort(span.last)));
            self.all_pages(query)
        });
        try_join_all(read).await?.into_iter().flatten().map(request::parse).collect()
    }

    /// Reads the items of some seats as they are now.
    pub(crate) async fn seats_now(&self, id: ConcertId, seats: &[SeatNumber]) -> Result<Vec<SeatItem>, StoreError> {
        let items = try_join_all(seats.iter().map(|seat| async move { self.get(&keys::seat(id, *seat), true).await }));
        Ok(items.await?.into_iter().flatten().collect())
    }

    /// Holds a seat if it is free or its hold is over (invariant 1: no two unexpired holds, never a sold one).
    pub(crate) fn hold_seat_write(
        &self,
        reservation: &Reservation,
        seat: SeatNumber,
        price: Amount,
        now: Timestamp,
    ) -> Result<TransactWriteItem, StoreError> {
        let held = SeatItem {
            concert_id: reservation.concert_id,
            seat_number: seat,
            status: SeatStatus::Held,
            user_id: reservation.user_id,
            reservation_id: reservation.reservation_id,
            held_until: Some(reservation.expires_at),
            price,
        };
        let key = keys::seat(reservation.concert_id, seat);
        transact_item(
            self.transact_put(Table::Concerts, request::item(&key, &held, Some(reservation.expires_at + TTL_GRACE))?)
                .condition_expression("attribute_not_exists(pk) OR (#status = :held AND heldUntil <= :now)")
                .expression_attribute_names("#status", "status")
                .expression_attribute_values(":held", s("HELD"))
                .expression_attribute_values(":now", n(now.millis())),
        )
    }

    /// Frees a seat that belongs to this reservation (invariant 1: never another's).
    pub(crate) fn free_seat_write(
        &self,
        reservation: &Reservation,
        seat: SeatNumber,
    ) -> Result<TransactWriteItem, StoreError> {
        transact_item(
            self.transact_delete(&keys::seat(reservation.concert_id, seat))
                .condition_expression("reservationId = :reservation")
                .expression_attribute_values(":reservation", s(reservation.reservation_id)),
        )
    }

    /// Sells a seat that this reservation holds and whose hold is not over (invariants 1 and 3). Removes its TTL, so
    /// that a sold seat is never deleted.
    pub(crate) fn sell_seat_write(
        &self,
        reservation: &Reservation,
        seat: SeatNumber,
        now: Timestamp,
    ) -> Result<TransactWriteItem, StoreError> {
        transact_item(
            self.transact_update(&keys::seat(reservation.concert_id, seat))
                .update_expression("SET #status = :sold REMOVE heldUntil, #ttl")
                .condition_expression("reservationId = :reservation AND #status = :held AND heldUntil > :now")
                .expression_attribute_names("#status", "status")
                .expression_attribute_names("#ttl", "ttl")
                .expression_attribute_values(":sold", s("SOLD"))
                .expression_attribute_values(":held", s("HELD"))
                .expression_attribute_values(":reservation", s(reservation.reservation_id))
                .expression_attribute_values(":now", n(now.millis())),
        )
    }
}
