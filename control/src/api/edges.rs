//! Which edge serves which generation.

use axum::Json as Answer;
use axum::extract::State;

use super::answers::{EdgeView, Edges};
use crate::app::SharedApp;
use crate::http::Problem;

pub(super) async fn list(State(app): State<SharedApp>) -> Result<Answer<Edges>, Problem> {
    let generation = app.store.table_state().await?.generation;
    let edges = app.publisher.edges();
    let edges = edges.into_iter().map(|edge| EdgeView::new(edge, generation)).collect();
    Ok(Answer(Edges { generation, edges }))
}
