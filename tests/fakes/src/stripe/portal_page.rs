//! The billing portal, where customers help themselves.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Form, Router};
use serde::Deserialize;

use super::Stripe;
use super::account::Account;
use super::portal::{Flow, Portal, VISIT_SECONDS};
use super::subscription::Subscription;
use crate::vendor::calendar::rfc3339;
use crate::vendor::page::{Width, escape, page};

pub(super) fn router() -> Router<Arc<Stripe>> {
    Router::new().route("/p/session/{secret}", get(show).post(choose))
}

#[derive(Debug, Deserialize)]
struct Choice {
    action: Action,
    #[serde(default)]
    subscription: String,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Action {
    CancelAtPeriodEnd,
    CancelNow,
    Renew,
    FixPayment,
    BreakPayment,
}

async fn show(State(stripe): State<Arc<Stripe>>, Path(secret): Path<String>) -> Response {
    stripe.act(|account, now| view(account, &secret, now)).0
}

async fn choose(
    State(stripe): State<Arc<Stripe>>,
    Path(secret): Path<String>,
    Form(choice): Form<Choice>,
) -> Response {
    stripe
        .act(|account, now| {
            let Some(customer) = visit(account, &secret, now).map(|visit| visit.customer.clone())
            else {
                return gone();
            };
            act(account, &customer, &choice, now);
            Redirect::to(&format!("/p/session/{secret}")).into_response()
        })
        .0
}

/// Choices that make no sense any more change nothing.
fn act(account: &mut Account, customer: &str, choice: &Choice, now: u64) {
    let id = choice.subscription.as_str();
    let theirs = account.subscriptions.get(id).filter(|subscription| {
        subscription.customer == customer && !subscription.status.is_terminal()
    });
    match (choice.action, theirs.is_some()) {
        (Action::CancelAtPeriodEnd, true) => {
            account.change_subscription(id, now, |subscription| {
                subscription.cancel_at(subscription.period_end(), now);
                subscription.cancellation.feedback = Some("too_expensive".to_owned());
            });
        }
        (Action::CancelNow, true) => account.change_subscription(id, now, |subscription| {
            subscription.end("cancellation_requested", now);
        }),
        (Action::Renew, true) => {
            account.change_subscription(id, now, Subscription::resume);
        }
        (Action::FixPayment, _) => account.fix_payment(customer, now),
        (Action::BreakPayment, _) => {
            if let Some(customer) = account.customers.get_mut(customer) {
                customer.pays = false;
            }
        }
        (Action::CancelAtPeriodEnd | Action::CancelNow | Action::Renew, false) => {}
    }
}

fn visit<'a>(account: &'a Account, secret: &str, now: u64) -> Option<&'a Portal> {
    account.portals.get(secret).filter(|portal| portal.created + VISIT_SECONDS > now)
}

fn view(account: &Account, secret: &str, now: u64) -> Response {
    let Some(visit) = visit(account, secret, now) else { return gone() };
    let customer = account.customer(&visit.customer);
    let subscriptions: String = account
        .subscriptions
        .values()
        .filter(|subscription| subscription.customer == customer.id)
        .map(|subscription| card(subscription, visit))
        .collect();
    let card_state = if customer.pays { "Visa •••• 4242" } else { "This card is declined" };
    let back = visit.return_url.as_ref().map_or_else(String::new, |url| {
        format!("<a class=\"button\" id=\"return\" href=\"{}\">Return to the shop</a>", escape(url))
    });
    let asked = visit.flow == Some(Flow::PaymentMethodUpdate);
    let fix = button("fix_payment", "Use a good card", asked || !customer.pays);
    let spoil = button("break_payment", "Use a card that will be declined", false);
    let body = format!(
        "<p class=\"badge\">Fake Stripe · billing portal</p><h1>{email}</h1>{subscriptions}\
         <div class=\"card\"><h2>Payment method</h2><p>{card_state}</p>\
         <form method=\"post\">{fix}{spoil}</form></div>{back}",
        email = escape(customer.email.as_deref().unwrap_or(&customer.id)),
    );
    page("Billing", Width::Form, &body)
}

fn card(subscription: &Subscription, visit: &Portal) -> String {
    let status = subscription.status.name();
    let day = |at: u64| rfc3339(at)[..10].to_owned();
    let buttons = if subscription.status.is_terminal() {
        String::new()
    } else if subscription.cancel_at.is_some() {
        button("renew", "Don’t cancel", false) + &button("cancel_now", "Cancel right now", false)
    } else {
        let asked = Flow::SubscriptionCancel { subscription: subscription.id.clone() };
        let main = visit.flow.as_ref() == Some(&asked);
        button("cancel_at_period_end", "Cancel at the end of the period", main)
            + &button("cancel_now", "Cancel right now", false)
    };
    let until = match (subscription.ended_at, subscription.cancel_at) {
        (Some(ended), _) => format!("Ended on {}", day(ended)),
        (None, Some(at)) => format!("Ends on {}", day(at)),
        (None, None) => format!("Renews on {}", day(subscription.period_end())),
    };
    format!(
        "<div class=\"card\"><h2>{name}</h2><p>{price} · <strong>{status}</strong></p>\
         <p class=\"soft\">{until}</p><form method=\"post\"><input type=\"hidden\" \
         name=\"subscription\" value=\"{id}\">{buttons}</form></div>",
        name = escape(&subscription.price.name),
        price = escape(&subscription.price.in_words()),
        id = escape(&subscription.id),
    )
}

fn button(action: &str, text: &str, main: bool) -> String {
    let class = if main { " class=\"main\"" } else { "" };
    let id = action.replace('_', "-");
    format!("<button{class} id=\"{id}\" name=\"action\" value=\"{action}\">{text}</button>")
}

fn gone() -> Response {
    let body = "<div class=\"card\"><h1>This link has expired</h1><p>Go back to the shop and open \
                the billing page again.</p></div>";
    (StatusCode::GONE, page("Expired", Width::Form, body)).into_response()
}
