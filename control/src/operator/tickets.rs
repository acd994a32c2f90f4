//! Incidents, and the tickets they became.

use axum::Json as Answer;
use axum::extract::State;

use super::paging::{Paging, mark, page};
use super::responses::{Page, TicketView, Tickets};
use crate::app::SharedApp;
use crate::http::error_responses::{Guarded, Parsed};
use crate::http::{Problem, Query};
use crate::model::incident::Ticket;

/// The newest first; `?after=` is the `next` of the page before.
#[utoipa::path(
    get,
    path = "/api/tickets",
    operation_id = "list_tickets",
    tag = "operator",
    security(("admin_key" = [])),
    params(Paging),
    responses(
        (status = 200, description = "A page of incidents, the newest first", body = Page<TicketView>),
        Parsed,
        Guarded
    )
)]
pub(super) async fn list(
    State(app): State<SharedApp>,
    Query(paging): Query<Paging>,
) -> Result<Answer<Tickets>, Problem> {
    let limit = paging.limit()?;
    let tickets = app.store.tickets(None, paging.mark()?, limit).await?;
    let key = |ticket: &Ticket| mark(ticket.created, &ticket.incident.key);
    let Page { items, next } = page(tickets, limit, key);
    Ok(Answer(Page { items: items.into_iter().map(TicketView::new).collect(), next }))
}
