//! `POST /api/v1/admin/concerts`: puts a concert on sale.

use lambda_http::http::StatusCode;
use shared::{
    app::App,
    bootstrap,
    domain::{
        concert::{Concert, ConcertWithLayout, Venue},
        id::QueueId,
        layout::{Block, Layout},
        text::Label,
    },
    http::{
        Answer, Call, Problem,
        answer::{body, json_idempotent, with_location},
        call::Object,
        requests::{BlockDraft, ConcertDraft, VenueDraft},
        sale::SaleTimes,
        values::Rfc3339,
        views::ConcertDate,
    },
};
use std::sync::Arc;

/// A body may be larger than that of other routes, for the layout.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// Answers 201 with the concert. Fields that the draft leaves out get the contract's defaults.
pub async fn handle(app: &App, call: &Call) -> Answer {
    let payload = call.payload_within(MAX_BODY_BYTES)?;
    let admin = app.tokens.admin(call, app.now())?;
    let draft: ConcertDraft = payload.parse()?;
    let idempotent = call.idempotent(admin.user_id, "create_concert", &draft)?;
    let new = concert(app, draft)?;
    let view = || ConcertDate::new(&new.concert, new.concert.seating.seats_total, &app.config);
    let done = app.store.create_concert(&new, idempotent.as_ref(), || body(&view())).await?;
    let answer = json_idempotent(StatusCode::CREATED, done, |()| view());
    Ok(with_location(answer, "/api/v1/concerts/", "concertId"))
}

fn concert(app: &App, draft: ConcertDraft) -> Result<ConcertWithLayout, Problem> {
    let (Rfc3339(starts_at), Rfc3339(ends_at)) = (draft.starts_at, draft.ends_at);
    let sale_opens_at = draft.sale_opens_at.map_or_else(|| app.now(), |Rfc3339(at)| at);
    let sale_closes_at = draft.sale_closes_at.map_or(starts_at, |Rfc3339(at)| at);
    if ends_at <= starts_at {
        return Err(Problem::invalid("/endsAt", "must be after startsAt"));
    }
    let sent = SaleTimes { opens: draft.sale_opens_at.is_some(), closes: draft.sale_closes_at.is_some() };
    let layout = draft.blocks.map_or_else(|| Ok(Layout::standard()), layout)?;
    let time_zone = draft.time_zone.unwrap_or(app.config.time_zone);
    let venue = |Object(draft): Object<VenueDraft>| Venue {
        name: draft.name.into_string(),
        address: draft.address.into_string(),
    };
    let concert = Concert {
        concert_id: app.context.concert_id(),
        concert_name: draft.concert_name.into_string(),
        event_id: draft.event_id.unwrap_or_else(|| app.context.event_id()),
        category: draft.category.map_or_else(|| "CONCERT".to_owned(), Label::into_string),
        queue_id: draft.queue_id.unwrap_or_else(QueueId::main),
        starts_at,
        ends_at,
        time_zone,
        date: time_zone.day_of(starts_at),
        venue: draft.venue.map(venue),
        enabled: true,
        sale_opens_at,
        sale_closes_at,
        seating: layout.seating(),
        prices: layout.price_range(),
        layout: Concert::FIRST_LAYOUT,
        version: Concert::FIRST_VERSION,
    };
    sent.check(&concert)?;
    Ok(ConcertWithLayout { concert: Arc::new(concert), layout: Arc::new(layout) })
}

fn layout(drafts: Vec<Object<BlockDraft>>) -> Result<Layout, Problem> {
    let blocks = drafts.into_iter().map(|Object(draft)| Block {
        section: draft.section.into_string(),
        from: draft.from.0,
        to: draft.to.0,
        seat_type: draft.seat_type.into_string(),
        price: draft.price.0,
    });
    Layout::new(blocks.collect()).map_err(|fault| match fault.index {
        Some(index) => Problem::invalid(format!("/blocks/{index}"), fault.detail),
        None => Problem::invalid("/blocks", fault.detail),
    })
}

/// Runs the function, as its own program and the one of all functions do.
///
/// # Errors
/// Where it cannot start.
pub fn run() -> Result<(), bootstrap::Error> {
    bootstrap::serve(|app, call| Box::pin(handle(app, call)))
}
