//! The operations of all routes, in the order of a purchase.

mod accounts;
mod admin;
mod concerts;
mod payments;
mod queues;
mod reservations;
mod system;
mod webhooks;

use crate::{examples, operation::Operation, schemas::Schemas};
use serde_json::{Value, json};
use shared::domain::id::{ConcertId, PaymentId, QueueId, ReservationId, UserId};

/// Returns the operations.
pub fn operations(schemas: &mut Schemas) -> Vec<Operation> {
    [
        accounts::operations(schemas),
        queues::operations(schemas),
        concerts::operations(schemas),
        reservations::operations(schemas),
        payments::operations(schemas),
        admin::operations(schemas),
        webhooks::operations(schemas),
        system::operations(schemas),
    ]
    .into_iter()
    .flatten()
    .collect()
}

impl Operation {
    fn user(self, schemas: &mut Schemas) -> Self {
        let schema = schemas.request::<UserId>();
        self.path_parameter(
            "userId",
            "The id of the fan. A fan may send only their own id, else it is 403; an admin may send any.",
            schema,
            examples::USER,
        )
    }

    fn queue(self, schemas: &mut Schemas) -> Self {
        self.path_parameter(
            "queueId",
            "The id of the queue, such as the `queueId` of a concert.",
            schemas.request::<QueueId>(),
            "main",
        )
    }

    fn concert(self, schemas: &mut Schemas) -> Self {
        self.path_parameter(
            "concertId",
            "The id of the concert, from the list of concerts.",
            schemas.request::<ConcertId>(),
            examples::CONCERT,
        )
    }

    fn reservation(self, schemas: &mut Schemas) -> Self {
        let schema = schemas.request::<ReservationId>();
        self.path_parameter(
            "reservationId",
            "The id of the reservation, from the answer of the hold.",
            schema,
            examples::RESERVATION,
        )
    }

    fn payment(self, schemas: &mut Schemas) -> Self {
        self.path_parameter(
            "paymentId",
            "The id of the payment, from its answer or from the reservation.",
            schemas.request::<PaymentId>(),
            examples::PAYMENT,
        )
    }

    /// Adds the query parameter `userId` to an operation with a fan in the path, for admins.
    fn on_behalf(self, schemas: &mut Schemas) -> Self {
        let schema = schemas.request::<UserId>();
        self.query(
            "userId",
            "The fan for whom an admin acts; it counts instead of the one in the path. A fan can leave it out.",
            schema,
        )
    }

    /// Adds the query parameter `userId` to an operation on a reservation or payment, for admins.
    fn owned(self, schemas: &mut Schemas) -> Self {
        let schema = schemas.request::<UserId>();
        let description = "The fan who owns it. An admin must send this for something of another fan, else it is 404. A fan \
                           can leave it out.";
        self.query("userId", description, schema)
    }

    /// Adds the query parameter `userId` to an operation with a fan in the body.
    fn named_twice(self, schemas: &mut Schemas) -> Self {
        let schema = schemas.request::<UserId>();
        self.query("userId", "The fan, if it is not sent in the body. If both are sent and differ, it is 400.", schema)
    }

    fn paged(self) -> Self {
        self.paged_by(50, 100)
    }

    fn paged_by(self, default: u32, most: u32) -> Self {
        let limit = json!({ "type": "integer", "minimum": 1, "maximum": most, "default": default });
        self.query("limit", "How many items a page has at most.", limit).query(
            "cursor",
            "Where the page starts: the cursor of the page before, unchanged (`nextCursor`, or in the URL of the header \
             `Link`). Leave it out for the first page.",
            json!({ "type": "string" }),
        )
    }
}

/// The schema of one page of a list.
fn page(items: &str, item: Value) -> Value {
    json!({
        "type": "object",
        "description": "One page of the list, with the cursor of the next page.",
        "required": ["items", "nextCursor"],
        "properties": {
            "items": { "type": "array", "items": item, "description": items },
            "nextCursor": {
                "type": ["string", "null"],
                "description": "Send this as `cursor` to get the next page; null on the last page.",
            },
        },
    })
}
