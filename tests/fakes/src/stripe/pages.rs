//! The hosted checkout page: pay, pay by bank, decline, go back.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Form, Router};
use serde::Deserialize;

use super::Stripe;
use super::checkout::NotOpen;
use super::session::{Method, Session, State as SessionState};
use crate::vendor::page::{Width, escape, page};

/// How long a buyer waits for the seller to take note of the payment.
const REDIRECT_HELD: Duration = Duration::from_secs(10);

pub(super) fn router() -> Router<Arc<Stripe>> {
    Router::new().route("/c/pay/{id}", get(show).post(choose))
}

#[derive(Debug, Deserialize)]
struct Choice {
    action: Action,
    #[serde(default)]
    email: String,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Action {
    Pay,
    Bank,
    BankFails,
    Decline,
}

async fn show(State(stripe): State<Arc<Stripe>>, Path(id): Path<String>) -> Response {
    match stripe.act(|account, _| account.sessions.get(&id).cloned()).0 {
        Some(session) => view(&session, None),
        None => unknown(),
    }
}

async fn choose(
    State(stripe): State<Arc<Stripe>>,
    Path(id): Path<String>,
    Form(choice): Form<Choice>,
) -> Response {
    let Some(session) = stripe.act(|account, _| account.sessions.get(&id).cloned()).0 else {
        return unknown();
    };
    let (method, will_succeed) = match choice.action {
        Action::Pay => (Method::Card, true),
        Action::Bank => (Method::Bank, true),
        Action::BankFails => (Method::Bank, false),
        Action::Decline => {
            return view(&session, Some("Your card was declined. Please try a different card."));
        }
    };
    let email = Some(choice.email.trim().to_owned()).filter(|email| email.contains('@'));
    if email.is_none() && session.customer_email.is_none() && session.customer.is_none() {
        return view(&session, Some("Your email address is incomplete."));
    }
    let (paid, acknowledged) = stripe
        .act(|account, now| account.pay_session(&session.id, method, will_succeed, email, now));
    if paid == Err(NotOpen) {
        let session = stripe.act(|account, _| account.sessions[&id].clone()).0;
        return view(&session, None);
    }
    // Whether the seller answered or not, the buyer goes on.
    let _ = tokio::time::timeout(REDIRECT_HELD, acknowledged).await;
    Redirect::to(&session.success_address()).into_response()
}

fn view(session: &Session, complaint: Option<&str>) -> Response {
    match session.state {
        SessionState::Open => open(session, complaint),
        SessionState::Complete { .. } => {
            let body = format!(
                "<div class=\"card\"><h1>You’re all done here</h1><p>This payment went through \
                 already. Nothing more is charged.</p><a class=\"button\" href=\"{}\">Back to the \
                 shop</a></div>",
                escape(&session.success_address())
            );
            page("Paid", Width::Form, &body)
        }
        SessionState::Expired => {
            let body = "<div class=\"card\"><h1>This page has expired</h1><p>Nothing was charged. \
                        Go back to the shop and start again.</p></div>";
            (StatusCode::GONE, page("Expired", Width::Form, body)).into_response()
        }
    }
}

fn open(session: &Session, complaint: Option<&str>) -> Response {
    let complaint = complaint.map_or_else(String::new, |text| {
        format!("<p class=\"bad\" role=\"alert\">{}</p>", escape(text))
    });
    let email = match &session.customer_email {
        Some(email) => format!("<p>Paying as <strong>{}</strong></p>", escape(email)),
        None if session.customer.is_some() => String::new(),
        None => "<p><label>Email <input type=\"email\" name=\"email\" autocomplete=\"email\" \
                 required></label></p>"
            .to_owned(),
    };
    let back = session.cancel_url.as_ref().map_or_else(String::new, |url| {
        format!("<a class=\"button\" id=\"cancel\" href=\"{}\">Cancel and go back</a>", escape(url))
    });
    let body = format!(
        "<p class=\"badge\">Fake Stripe · test money</p><div class=\"card\"><h1>Subscribe to \
         {name}</h1><p class=\"soft\">{price}</p><div class=\"sum\"><span>Total due \
         today</span><span>{total}</span></div></div><form class=\"card\" method=\"post\" \
         action=\"/c/pay/{id}\">{complaint}{email}\
         <button class=\"main\" id=\"pay\" name=\"action\" value=\"pay\">Pay {total}</button>\
         <button id=\"bank\" name=\"action\" value=\"bank\">Pay by bank (arrives in days)</button>\
         <button id=\"bank-fails\" name=\"action\" value=\"bank_fails\">Pay by bank (bounces in \
         days)</button>\
         <button id=\"decline\" name=\"action\" value=\"decline\" formnovalidate>Use a card that is \
         declined</button>{back}</form>",
        name = escape(&session.price.name),
        price = escape(&session.price.in_words()),
        total = escape(&session.price.amount_in_words(session.quantity)),
        id = escape(&session.id),
    );
    page("Checkout", Width::Form, &body)
}

fn unknown() -> Response {
    let body = "<div class=\"card\"><h1>There is no such page</h1></div>";
    (StatusCode::NOT_FOUND, page("Not found", Width::Form, body)).into_response()
}
