//! Every route, in the order of a purchase.

mod accounts;
mod admin;
mod concerts;
mod lines;
mod payments;
mod reservations;
mod system;

use crate::{examples, operation::Operation, schemas::Schemas};
use serde_json::{Value, json};
use shared::domain::id::{ConcertId, PaymentId, QueueId, ReservationId, UserId};

/// The operations.
pub fn operations(schemas: &mut Schemas) -> Vec<Operation> {
    [
        accounts::operations(schemas),
        lines::operations(schemas),
        concerts::operations(schemas),
        reservations::operations(schemas),
        payments::operations(schemas),
        admin::operations(schemas),
        system::operations(schemas),
    ]
    .into_iter()
    .flatten()
    .collect()
}

impl Operation {
    fn user(self, schemas: &mut Schemas) -> Self {
        let schema = schemas.request::<UserId>();
        self.path_parameter("userId", "The fan: the caller, or any for admins.", schema, examples::USER)
    }

    fn queue(self, schemas: &mut Schemas) -> Self {
        self.path_parameter("queueId", "The line.", schemas.request::<QueueId>(), "main")
    }

    fn concert(self, schemas: &mut Schemas) -> Self {
        self.path_parameter("concertId", "The concert.", schemas.request::<ConcertId>(), examples::CONCERT)
    }

    fn reservation(self, schemas: &mut Schemas) -> Self {
        let schema = schemas.request::<ReservationId>();
        self.path_parameter("reservationId", "The reservation.", schema, examples::RESERVATION)
    }

    fn payment(self, schemas: &mut Schemas) -> Self {
        self.path_parameter("paymentId", "The payment.", schemas.request::<PaymentId>(), examples::PAYMENT)
    }

    /// Admins act for a fan.
    fn on_behalf(self, schemas: &mut Schemas) -> Self {
        let schema = schemas.request::<UserId>();
        self.query("userId", "The fan whom an admin acts for; others may name only themselves.", schema)
    }

    /// The fan of the body may be named in the query as well.
    fn named_twice(self, schemas: &mut Schemas) -> Self {
        let schema = schemas.request::<UserId>();
        self.query("userId", "The fan, as in the body; 400 where the two differ.", schema)
    }

    fn paged(self) -> Self {
        self.paged_by(50, 100)
    }

    fn paged_by(self, default: u32, most: u32) -> Self {
        let limit = json!({ "type": "integer", "minimum": 1, "maximum": most, "default": default });
        self.query("limit", "The most items that a page has.", limit).query(
            "cursor",
            "Where the page starts: the cursor of the page before, as it was given.",
            json!({ "type": "string" }),
        )
    }
}

/// A page of a list.
fn page(item: Value) -> Value {
    json!({
        "type": "object",
        "required": ["items", "nextCursor"],
        "properties": {
            "items": { "type": "array", "items": item },
            "nextCursor": {
                "type": ["string", "null"],
                "description": "Where the next page starts; null on the last.",
            },
        },
    })
}
