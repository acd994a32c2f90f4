//! Letters: which were sent, and which were not. What they say is not shown.

use axum::Json as Answer;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use super::paging::{Paging, mark, page};
use super::responses::{MailView, Mails, Page};
use super::routes::parse_username;
use crate::app::SharedApp;
use crate::http::error_responses::{Guarded, Parsed};
use crate::http::{Problem, Query};
use crate::model::mail::{MailRecord, MailState};
use crate::store::MailFilter;

/// `?state=failed&username=ada`, each of which may be left out.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    state: Option<String>,
    username: Option<String>,
}

/// The newest first; `?after=` is the `next` of the page before.
#[utoipa::path(
    get,
    path = "/api/mails",
    operation_id = "list_mails",
    tag = "operator",
    security(("admin_key" = [])),
    params(Filter, Paging),
    responses(
        (status = 200, description = "A page of letters, the newest first", body = Page<MailView>),
        Parsed,
        Guarded
    )
)]
pub(super) async fn list(
    State(app): State<SharedApp>,
    Query(filter): Query<Filter>,
    Query(paging): Query<Paging>,
) -> Result<Answer<Mails>, Problem> {
    let limit = paging.limit()?;
    let state = filter.state.as_deref().map(MailState::parse).transpose();
    let state = state.map_err(|error| Problem::invalid("state", error))?;
    let username = filter.username.as_deref().map(parse_username).transpose()?;
    let filter = MailFilter { state, username };
    let mails = app.store.mails(&filter, paging.mark()?, limit).await?;
    let key = |mail: &MailRecord| mark(mail.created, &mail.id);
    let Page { items, next } = page(mails, limit, key);
    Ok(Answer(Page { items: items.into_iter().map(MailView::new).collect(), next }))
}
