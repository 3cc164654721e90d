//! `POST /api/v1/admin/concerts`: puts a concert on sale.

use lambda_http::http::StatusCode;
use shared::{
    app::App,
    domain::{
        amount::Amount,
        concert::Concert,
        id::QueueId,
        layout::{Block, Layout},
    },
    http::{
        Answer, Call, Problem,
        call::Object,
        json,
        requests::{BlockDraft, ConcertDraft},
        values::Rfc3339,
        views::ConcertDate,
    },
};

const LONGEST_NAME: usize = 200;
const LONGEST_LABEL: usize = 32;

/// Answers 201 with the concert; what the draft leaves out has the contract's defaults.
pub async fn handle(app: &App, call: &Call) -> Answer {
    let payload = call.payload()?;
    app.tokens.admin(call, app.now())?;
    let concert = concert(app, payload.parse()?)?;
    app.store.create_concert(&concert).await?;
    Ok(json(StatusCode::CREATED, &ConcertDate::new(&concert, concert.layout.seats_total())))
}

fn concert(app: &App, draft: ConcertDraft) -> Result<Concert, Problem> {
    let (Rfc3339(starts_at), Rfc3339(ends_at)) = (draft.starts_at, draft.ends_at);
    let sale_opens_at = draft.sale_opens_at.map_or_else(|| app.now(), |Rfc3339(at)| at);
    let sale_closes_at = draft.sale_closes_at.map_or(starts_at, |Rfc3339(at)| at);
    if ends_at <= starts_at {
        return Err(Problem::invalid("/endsAt", "must be after startsAt"));
    }
    if draft.sale_opens_at.is_some() && sale_closes_at <= sale_opens_at {
        return Err(Problem::invalid("/saleClosesAt", "must be after saleOpensAt"));
    }
    Ok(Concert {
        concert_id: app.context.concert_id(),
        concert_name: text("/concertName", draft.concert_name, LONGEST_NAME)?,
        event_id: draft.event_id.unwrap_or_else(|| app.context.event_id()),
        category: match draft.category {
            Some(category) => text("/category", category, LONGEST_LABEL)?,
            None => "CONCERT".to_owned(),
        },
        queue_id: draft.queue_id.unwrap_or_else(QueueId::main),
        starts_at,
        ends_at,
        enabled: true,
        sale_opens_at,
        sale_closes_at,
        layout: draft.blocks.map_or_else(|| Ok(Layout::standard()), layout)?,
    })
}

fn layout(drafts: Vec<Object<BlockDraft>>) -> Result<Layout, Problem> {
    let blocks = drafts.into_iter().enumerate().map(|(i, Object(draft))| {
        Ok(Block {
            section: text(&format!("/blocks/{i}/section"), draft.section, LONGEST_LABEL)?,
            from: draft.from.0,
            to: draft.to.0,
            seat_type: text(&format!("/blocks/{i}/seatType"), draft.seat_type, LONGEST_LABEL)?,
            price: Amount::new(draft.price.0.units()),
        })
    });
    let blocks: Vec<Block> = blocks.collect::<Result<_, Problem>>()?;
    Layout::new(blocks).map_err(|fault| match fault.index {
        Some(index) => Problem::invalid(format!("/blocks/{index}"), fault.detail),
        None => Problem::invalid("/blocks", fault.detail),
    })
}

/// A name for people: not blank, not longer than `longest` characters, without control characters.
fn text(pointer: &str, text: String, longest: usize) -> Result<String, Problem> {
    let length = text.chars().count();
    if text.trim().is_empty() || length > longest || text.chars().any(char::is_control) {
        return Err(Problem::invalid(pointer, format!("must be 1 to {longest} characters, none of them a control")));
    }
    Ok(text)
}
