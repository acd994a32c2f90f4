//! From the account to Stripe's pages: cards and invoices, and the way out.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use tracing::{error, warn};

use super::account::signed_in;
use super::csrf::{self, MissingOrigin};
use super::page::see_other;
use crate::app::{App, SharedApp};
use crate::http::Problem;
use crate::model::workspace::Workspace;
use vendors::IdempotencyKey;
use vendors::stripe::NewPortalSession;
use vendors::stripe::portal::PortalFlow;

/// `POST /account/billing`
pub(super) async fn open(
    State(app): State<SharedApp>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    lead(&app, &headers, |_| None).await
}

/// `POST /account/cancel`
pub(super) async fn cancel(
    State(app): State<SharedApp>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let flow = |workspace: &Workspace| {
        // Stripe offers no second cancellation; its front page offers to take back the first.
        let is_arranged = workspace.billing.cancel_at.is_some();
        let cancel = PortalFlow::CancelSubscription(workspace.subscription.clone());
        (!is_arranged).then_some(cancel)
    };
    lead(&app, &headers, flow).await
}

/// To a page of the portal, made for this one click.
async fn lead(
    app: &App,
    headers: &HeaderMap,
    flow: impl FnOnce(&Workspace) -> Option<PortalFlow>,
) -> Result<Response, Problem> {
    csrf::check(headers, app.site.site_url(), MissingOrigin::Refuse)?;
    let Some(session) = signed_in(app, headers).await? else {
        return Ok(see_other("/login?to=account"));
    };
    let workspace = app.store.workspace(&session.username).await?;
    let workspace = workspace.filter(|workspace| !workspace.life.is_over());
    let (Some(billing), Some(workspace)) = (&app.billing, workspace) else {
        return Err(Problem::not_found("There is no subscription to this workspace."));
    };
    let portal = NewPortalSession {
        customer: workspace.payer.clone(),
        return_url: format!("{}/account", app.site.site_url()),
        configuration: billing.stripe.portal.clone(),
        flow: flow(&workspace),
    };
    let key = IdempotencyKey::parse(format!("portal/{}", shared::SessionId::random()));
    let key = key.expect("short and plain");
    let portal =
        billing.stripe.client.create_portal_session(&portal, &key).await.map_err(|error| {
            warn!("{}: {:#}", workspace.username, anyhow::Error::from(error));
            away()
        })?;
    let location = HeaderValue::try_from(portal.url.expose()).map_err(|_| {
        error!("the billing portal has an address that cannot be sent");
        away()
    })?;
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response())
}

fn away() -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "billing_unavailable",
        "The billing page does not answer right now, and nothing was changed. \
         Please try again in a moment.",
    )
    .retry_after(std::time::Duration::from_secs(30))
}
