//! Which edge serves which generation.

use axum::Json as Answer;
use axum::extract::State;

use super::responses::{EdgeView, Edges};
use crate::app::SharedApp;
use crate::http::Problem;
use crate::http::error_responses::Guarded;

/// Which edge serves which generation.
#[utoipa::path(
    get,
    path = "/api/edges",
    operation_id = "list_edges",
    tag = "operator",
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "All edges", body = Edges),
        Guarded
    )
)]
pub(super) async fn list(State(app): State<SharedApp>) -> Result<Answer<Edges>, Problem> {
    let generation = app.store.table_state().await?.generation;
    let edges = app.publisher.edges();
    let edges = edges.into_iter().map(|edge| EdgeView::new(edge, generation)).collect();
    Ok(Answer(Edges { generation, edges }))
}
