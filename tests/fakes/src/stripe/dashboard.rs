//! The account at a glance, and a clock to turn.

use std::sync::Arc;

use axum::Form;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::Stripe;
use super::account::Account;
use super::billing::ADVANCE_MAX_SECONDS;
use crate::vendor::calendar::rfc3339;
use crate::vendor::page::{Width, escape, page, table};

/// Rows shown of each kind, the newest.
const ROWS_MAX: usize = 50;

#[derive(Debug, Deserialize)]
pub struct Turn {
    seconds: u64,
}

pub async fn show(State(stripe): State<Arc<Stripe>>) -> Response {
    stripe.act(|account, now| view(account, now)).0
}

pub async fn advance(State(stripe): State<Arc<Stripe>>, Form(turn): Form<Turn>) -> Response {
    stripe.run_ahead(turn.seconds.min(ADVANCE_MAX_SECONDS));
    stripe.act(|_, _| ());
    Redirect::to("/").into_response()
}

fn view(account: &Account, now: u64) -> Response {
    let turns: String = [
        ("An hour", 60 * 60),
        ("A day", 24 * 60 * 60),
        ("A week", 7 * 24 * 60 * 60),
        ("A month", 31 * 24 * 60 * 60),
    ]
    .iter()
    .map(|(text, seconds)| {
        format!(
            "<form method=\"post\" action=\"/\"><button name=\"seconds\" \
             value=\"{seconds}\">{text} later</button></form>"
        )
    })
    .collect();
    let body = format!(
        "<h1>Fake Stripe</h1><div class=\"card\"><p>It is <strong>{time}</strong> here.</p><div \
         class=\"row\">{turns}</div></div><h2>Checkout sessions</h2>{sessions}\
         <h2>Subscriptions</h2>{subscriptions}<h2>Events</h2>{events}",
        time = rfc3339(now),
        sessions = sessions(account),
        subscriptions = subscriptions(account),
        events = events(account),
    );
    page("Fake Stripe", Width::Table, &body)
}

fn sessions(account: &Account) -> String {
    let mut sessions: Vec<_> = account.sessions.values().collect();
    sessions.sort_by_key(|session| std::cmp::Reverse(session.created));
    let rows = sessions.iter().take(ROWS_MAX).map(|session| {
        let body = session.body();
        let text = |name: &str| escape(body[name].as_str().unwrap_or("–"));
        let link = format!("<a href=\"/c/pay/{0}\">{0}</a>", escape(&session.id));
        vec![link, text("customer_email"), text("status"), text("payment_status")]
    });
    table(&["Session", "Email", "Status", "Payment"], rows)
}

fn subscriptions(account: &Account) -> String {
    let mut subscriptions: Vec<_> = account.subscriptions.values().collect();
    subscriptions.sort_by_key(|subscription| std::cmp::Reverse(subscription.created));
    let rows = subscriptions.iter().take(ROWS_MAX).map(|subscription| {
        let cancels = subscription.cancel_at.map_or_else(|| "–".to_owned(), rfc3339);
        vec![
            escape(&subscription.id),
            escape(account.customer(&subscription.customer).email.as_deref().unwrap_or("–")),
            subscription.status.name().to_owned(),
            rfc3339(subscription.period_end()),
            cancels,
        ]
    });
    table(&["Subscription", "Email", "Status", "Period ends", "Cancels"], rows)
}

fn events(account: &Account) -> String {
    let rows = account.events().rev().take(ROWS_MAX).map(|event| {
        let object = event.object["id"].as_str().unwrap_or_default();
        vec![rfc3339(event.created), escape(event.kind), escape(object), escape(&event.id)]
    });
    table(&["Time", "What", "Object", "Event"], rows)
}
