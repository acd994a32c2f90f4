//! `PUT /v1/challenges/{token}`, `DELETE …`: what certificate authorities are answered.

use axum::Json;
use axum::extract;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use shared::wire::ChallengeAnswer;

use super::reply::{Failure, Segment};
use super::state::State;

pub(super) async fn put(
    extract::State(state): extract::State<State>,
    Segment(token): Segment,
    body: Result<Json<ChallengeAnswer>, JsonRejection>,
) -> Result<StatusCode, Failure> {
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    let message = "the body must be an object in JSON with the text \"answer\"";
    let Json(body) = body.map_err(|_| Failure::new(status, "malformed", message))?;
    let said = state.0.challenges.say(&token, body.answer);
    said.map_err(|error| Failure::new(status, "challenge", error.to_string()))?;
    Ok(StatusCode::NO_CONTENT)
}

/// Again, or of one that was never said, it is as well.
pub(super) async fn delete(
    extract::State(state): extract::State<State>,
    Segment(token): Segment,
) -> StatusCode {
    state.0.challenges.take_back(&token);
    StatusCode::NO_CONTENT
}
