//! From the account to Stripe's pages: cards and invoices, and the way out.

use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use tracing::{debug, error, warn};

use super::account_session::signed_in;
use super::csrf::{self, MissingOrigin};
use super::page::{see_other, sign_in_first};
use crate::app::{App, SharedApp};
use crate::billing::{self, BillingService, sync};
use crate::http::Problem;
use crate::model::workspace::Workspace;
use crate::store::Actor;
use vendors::IdempotencyKey;
use vendors::stripe::NewPortalSession;
use vendors::stripe::id::CheckoutSessionId;
use vendors::stripe::payment_method::Card;

/// The page waits for the card for as long as nobody minds, and comes without it.
const CARD_PATIENCE: Duration = Duration::from_millis(1500);

/// `POST /account/billing`
pub(super) async fn open(
    State(app): State<SharedApp>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    lead(&app, &headers).await
}

/// `POST /account/cancel`: ends the subscription with the month that is paid for.
pub(super) async fn cancel(
    State(app): State<SharedApp>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    change(&app, &headers, Change::Cancel).await
}

/// `POST /account/keep`: takes a cancellation back.
pub(super) async fn keep(
    State(app): State<SharedApp>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    change(&app, &headers, Change::Keep).await
}

#[derive(Debug, Clone, Copy)]
enum Change {
    Cancel,
    Keep,
}

async fn change(app: &App, headers: &HeaderMap, change: Change) -> Result<Response, Problem> {
    let Some((billing, workspace)) = subscribed(app, headers).await? else {
        return Ok(sign_in_first());
    };
    let changed = match change {
        Change::Cancel => billing::cancel(billing, &workspace.subscription).await,
        Change::Keep => billing::keep(billing, &workspace.subscription).await,
    };
    changed.map_err(|error| {
        warn!("{}: {:#}", workspace.username, anyhow::Error::from(error));
        away()
    })?;
    let act = match change {
        Change::Cancel => "cancels with the end of the period",
        Change::Keep => "takes the cancellation back",
    };
    let username = &workspace.username;
    let about = (&*format!("workspace {username}"), Some(username));
    app.store.note_act(Actor::Customer(username), about, act, app.now()).await?;
    // Where it was pressed, and where it now says what came of it.
    Ok(see_other("/account#plan-title"))
}

/// Billing and the workspace of the browser that sent a form; `None` when it is signed out.
async fn subscribed<'a>(
    app: &'a App,
    headers: &HeaderMap,
) -> Result<Option<(&'a BillingService, Workspace)>, Problem> {
    csrf::check(headers, app.site.site_url(), MissingOrigin::Refuse)?;
    let Some(session) = signed_in(app, headers).await? else { return Ok(None) };
    let workspace = app.store.workspace(&session.username).await?;
    let workspace = workspace.filter(|workspace| !workspace.state.is_over());
    match (&app.billing, workspace) {
        (Some(billing), Some(workspace)) => Ok(Some((billing, workspace))),
        _ => Err(Problem::not_found("There is no subscription to this workspace.")
            .in_german("Zu diesem Arbeitsplatz gibt es kein Abonnement.")),
    }
}

/// To a page of the portal, made for this one click.
async fn lead(app: &App, headers: &HeaderMap) -> Result<Response, Problem> {
    let Some((billing, workspace)) = subscribed(app, headers).await? else {
        return Ok(sign_in_first());
    };
    if workspace.unpaid.is_some()
        && let Some(page) = billing::checkout_again(billing, &workspace).await.map_err(|error| {
            warn!("{}: {:#}", workspace.username, anyhow::Error::from(error));
            away()
        })?
    {
        return leave_for(&page);
    }
    let portal = NewPortalSession {
        customer: workspace.payer.clone(),
        return_url: format!("{}/account", app.site.site_url()),
        configuration: billing.stripe.portal.clone(),
        flow: None,
    };
    let key = IdempotencyKey::parse(format!("portal/{}", shared::SessionId::random()));
    let key = key.expect("short and plain");
    let portal =
        billing.stripe.client.create_portal_session(&portal, &key).await.map_err(|error| {
            warn!("{}: {:#}", workspace.username, anyhow::Error::from(error));
            away()
        })?;
    leave_for(portal.url.expose())
}

fn leave_for(page: &str) -> Result<Response, Problem> {
    let location = HeaderValue::try_from(page).map_err(|_| {
        error!("a page of Stripe's has an address that cannot be sent");
        away()
    })?;
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response())
}

/// Who comes back from a page at which they paid again: what came of it is looked up at
/// once. Whatever goes wrong with that, the event that Stripe sends is looked at as well.
pub(super) async fn come_back(app: &App, session: &str) {
    let (Some(billing), Ok(id)) = (&app.billing, CheckoutSessionId::parse(session)) else { return };
    if let Err(error) = sync::sync_checkout(billing, &id).await {
        warn!("{:#}; waiting for stripe's event", anyhow::Error::from(error));
    }
}

/// The card that pays `workspace`, for its owner to see; `None` when it cannot be had at once.
pub(super) async fn card(app: &App, workspace: Option<&Workspace>) -> Option<Card> {
    let (billing, workspace) = (app.billing.as_ref()?, workspace?);
    if workspace.state.is_over() {
        return None;
    }
    let asked = billing.stripe.client.card_of(&workspace.subscription);
    match tokio::time::timeout(CARD_PATIENCE, asked).await {
        Ok(Ok(card)) => card,
        Ok(Err(error)) => {
            debug!("{}: {:#}", workspace.username, anyhow::Error::from(error));
            None
        }
        Err(_) => None,
    }
}

fn away() -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "billing_unavailable",
        "The billing page does not answer right now, and nothing was changed. \
         Please try again in a moment.",
    )
    .in_german(
        "Die Zahlungsseite antwortet gerade nicht, und nichts wurde geändert. Bitte versuche es in \
         einem Moment wieder.",
    )
    .retry_after(Duration::from_secs(30))
}
