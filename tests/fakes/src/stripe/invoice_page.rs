//! The page behind `hosted_invoice_url`, where a refused payment is made good.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;

use super::Stripe;
use super::invoice::{Invoice, InvoiceStatus};
use crate::vendor::page::{Width, escape, page};

pub(super) fn router() -> Router<Arc<Stripe>> {
    Router::new().route("/i/{id}", get(show).post(pay))
}

async fn show(State(stripe): State<Arc<Stripe>>, Path(id): Path<String>) -> Response {
    match stripe.act(|account, _| account.invoices.get(&id).cloned()).0 {
        Some(invoice) => view(&invoice),
        None => {
            let body = "<div class=\"card\"><h1>There is no such invoice</h1></div>";
            (StatusCode::NOT_FOUND, page("Not found", Width::Form, body)).into_response()
        }
    }
}

/// A good card pays everything that is open. Twice changes nothing.
async fn pay(State(stripe): State<Arc<Stripe>>, Path(id): Path<String>) -> Response {
    stripe.act(|account, now| {
        if let Some(invoice) = account.invoices.get(&id).cloned() {
            account.fix_payment(&invoice.customer.id, now);
        }
    });
    Redirect::to(&format!("/i/{id}")).into_response()
}

fn view(invoice: &Invoice) -> Response {
    let amount = escape(&invoice.price.amount_in_words(invoice.quantity));
    let rest = match invoice.status {
        InvoiceStatus::Open => format!(
            "<form method=\"post\"><button class=\"main\" id=\"pay\">Pay {amount} with a good \
             card</button></form>"
        ),
        InvoiceStatus::Paid => "<p>Paid. Thank you.</p>".to_owned(),
        InvoiceStatus::Draft => "<p>It will be charged within the hour.</p>".to_owned(),
        InvoiceStatus::Void => "<p>Nothing is to be paid any more.</p>".to_owned(),
    };
    let body = format!(
        "<p class=\"badge\">Fake Stripe · invoice {number}</p><div class=\"card\"><h1>{name}</h1>\
         <div class=\"sum\"><span>Amount</span><span>{amount}</span></div>{rest}</div>",
        number = escape(&invoice.number),
        name = escape(&invoice.price.name),
    );
    page("Invoice", Width::Form, &body)
}
