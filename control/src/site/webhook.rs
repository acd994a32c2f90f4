//! `POST /api/webhook`: Stripe tells that something happened.
//!
//! Answered as soon as that is kept: whoever has paid waits at Stripe's page for it.
//! Stripe sends again whatever is not answered with a 200.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest as _, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use tokio::time::timeout;
use tracing::{debug, warn};

use crate::app::SharedApp;
use crate::billing::delivery::{self, DeliveryError};
use crate::http::Problem;
use crate::http::error_responses::ErrorShape;
use crate::http::request_context::text;
use vendors::stripe::signature::SignatureError;

pub(super) use vendors::stripe::signature::BODY_MAX_BYTES;

/// How long a body may take: less than a delivery waits for its turn, so that whoever
/// sends none is outlived.
const BODY_DEADLINE: Duration = Duration::from_secs(2);

/// Takes an event that Stripe signed.
#[utoipa::path(
    post,
    path = "/api/webhook",
    operation_id = "take_event",
    tag = "site",
    params(("stripe-signature" = String, Header)),
    request_body(content = Object, content_type = "application/json"),
    responses(
        (status = 200, description = "It is kept"),
        (status = 400, description = "It is not signed by Stripe, of another mode, too large, or cannot be read", body = ErrorShape),
        (status = 404, description = "Nothing is sold here", body = ErrorShape),
        (status = 500, description = "Something of ours failed; send it again", body = ErrorShape),
        (status = 503, description = "Too many at once; retry-after says when", body = ErrorShape)
    )
)]
pub(super) async fn take(State(app): State<SharedApp>, request: Request) -> Response {
    let (response, outcome) = match handle(&app, request).await {
        Ok(outcome) => (StatusCode::OK.into_response(), outcome),
        Err((problem, outcome)) => (problem.into_response(), outcome),
    };
    app.metrics.webhook(outcome);
    response
}

/// What came of it, for metrics: with a problem, nothing is kept.
async fn handle(
    app: &SharedApp,
    request: Request,
) -> Result<&'static str, (Problem, &'static str)> {
    let Some(billing) = &app.billing else {
        return Err((Problem::not_found("Nothing is sold here."), "closed"));
    };
    let refused = |refusal: DeliveryError| {
        warn!("a webhook was refused: {refusal}");
        (bad(), refusal.as_str())
    };
    // Before all else: nobody who has not even tried to sign is listened to.
    let signature = text(request.headers(), "stripe-signature").map(str::to_owned);
    let signature = signature.ok_or_else(|| refused(DeliveryError::Unsigned))?;
    let Some(_turn) = billing.stripe.deliveries.enter().await else { return Err((busy(), "busy")) };
    let body = match timeout(BODY_DEADLINE, Bytes::from_request(request, app)).await {
        Ok(Ok(body)) => body,
        Ok(Err(BytesRejection::FailedToBufferBody(rejection)))
            if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE =>
        {
            return Err(refused(SignatureError::TooLarge.into()));
        }
        Ok(Err(_)) | Err(_) => return Err((bad(), "unread")),
    };
    let now = app.now();
    let judged = delivery::judge(
        &billing.stripe.secrets,
        billing.stripe.is_live,
        Some(&signature),
        &body,
        now.seconds(),
    );
    let Some(event) = judged.map_err(refused)? else { return Ok("passed_over") };
    match app.store.take_event(&event, now).await {
        Ok(true) => Ok("taken"),
        Ok(false) => {
            debug!("event {} came again", event.event);
            Ok("repeated")
        }
        Err(error) => Err((error.into(), "failed")),
    }
}

/// Says no more: whoever forges one must not learn from it.
fn bad() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "bad_webhook", "This is not an event of Stripe's.")
}

fn busy() -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "Please send it again.")
        .retry_after(Duration::from_secs(5))
}
