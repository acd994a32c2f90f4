//! `GET /auth/notice` of a workspace host: what its page tells of the subscription.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use serde::Serialize;

use super::handover::has_session;
use crate::app::SharedApp;
use crate::base::clock::Moment;
use crate::http::Problem;
use crate::model::handover::WorkspaceHost;
use crate::model::subscription::{Billing, Standing};

#[derive(Serialize)]
struct Answer {
    notice: Option<Notice>,
}

/// What has to be known before `at`, unix seconds.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Notice {
    kind: &'static str,
    at: u64,
}

/// Whoever is not signed in is told nothing, as if there were nothing to tell.
pub(super) async fn show(
    State(app): State<SharedApp>,
    Extension(host): Extension<WorkspaceHost>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let mut notice = None;
    if has_session(&app, &host, &headers).await? {
        let workspace = app.store.workspace(&host.username).await?;
        notice = workspace.and_then(|workspace| Notice::of(&workspace.billing, app.now()));
    }
    let mut response = Json(Answer { notice }).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

impl Notice {
    /// A payment that is due comes before an end that was asked for.
    fn of(billing: &Billing, now: Moment) -> Option<Self> {
        let notice = |kind, at: Moment| Self { kind, at: at.seconds() };
        match (billing.standing(now), billing.cancel_at) {
            (Standing::Grace { until }, _) => Some(notice("overdue", until)),
            (Standing::Good, Some(end)) => Some(notice("ending", end)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vendors::stripe::subscription::SubscriptionStatus;

    #[test]
    fn an_overdue_payment_and_an_end_are_told_and_nothing_else() {
        let now = Moment::from_seconds(1_800_000_000);
        let soon = Moment::from_seconds(1_800_400_000);
        let told = |status, grace_until, cancel_at| {
            let billing = Billing { status, period_end: Some(soon), cancel_at, grace_until };
            Notice::of(&billing, now).map(|notice| notice.kind)
        };
        assert_eq!(told(SubscriptionStatus::Active, None, None), None);
        assert_eq!(told(SubscriptionStatus::Active, None, Some(soon)), Some("ending"));
        assert_eq!(told(SubscriptionStatus::PastDue, Some(soon), None), Some("overdue"));
        assert_eq!(told(SubscriptionStatus::PastDue, Some(soon), Some(soon)), Some("overdue"));
        assert_eq!(told(SubscriptionStatus::Canceled, None, Some(now)), None);
    }
}
