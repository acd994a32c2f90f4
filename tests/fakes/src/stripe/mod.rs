//! A stand-in for Stripe, API version `2026-10-28.endive`.
//!
//! It keeps the real one's wire contract where a seller of subscriptions can
//! notice: form encoding, parameter checks, idempotency keys, expansion,
//! error bodies, checkout and portal pages, signed webhooks. Time is a clock
//! that tests move by months.
//!
//! `account` holds everything and is changed by `calls` (the API), `checkout`
//! (what a person does at the page) and `billing` (the passing of time); each
//! change tells `event`s, which `delivery` sends. `api` is the HTTP side of
//! the calls, `pages` what a person sees, `admin` what a test may say.

pub mod account;
pub mod admin;
pub mod api;
pub mod billing;
pub mod calls;
pub mod checkout;
pub mod customer;
pub mod dashboard;
pub mod delivery;
pub mod error;
pub mod event;
pub mod expand;
pub mod invoice;
pub mod invoice_page;
pub mod money_back;
pub mod pages;
pub mod params;
pub mod portal;
pub mod portal_page;
pub mod price;
pub mod schema;
pub mod session;
pub mod signature;
pub mod subscription;
pub mod webhook;

#[cfg(test)]
mod billing_tests;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use self::account::Account;
use self::api::Kept;
use self::delivery::{Acknowledged, Sender};
use self::error::ApiError;
use self::event::Cause;
use self::price::{Interval, Price};
use self::webhook::Manner;
use crate::clock;
use crate::vendor::door::behind_door;
use crate::vendor::idempotency::Keys;
use crate::vendor::lock;

/// How often the clock is looked at while nobody calls.
const TICK: Duration = Duration::from_secs(1);

/// What one account of the fake is told at its start.
#[derive(Debug, Clone)]
pub struct Options {
    /// The only good secret key.
    pub key: String,
    /// Where browsers find the pages, without a slash at the end.
    pub public_url: String,
    /// Prices that exist from the start: $7.00 a month each.
    pub prices: Vec<String>,
    pub manner: Manner,
}

#[derive(Debug)]
pub struct Stripe {
    key: String,
    account: Mutex<Account>,
    keys: Mutex<Keys<Kept>>,
    /// How far the account's clock is ahead of ours, in seconds.
    ahead: AtomicU64,
    sender: Arc<Sender>,
}

impl Stripe {
    pub fn new(options: Options) -> Arc<Self> {
        let mut account = Account::new(options.public_url);
        for id in options.prices {
            account.prices.insert(id.clone(), monthly(id));
        }
        Arc::new(Self {
            key: options.key,
            account: Mutex::new(account),
            keys: Mutex::default(),
            ahead: AtomicU64::new(0),
            sender: Arc::new(Sender::new(options.manner)),
        })
    }

    /// The account's time, unix seconds.
    pub fn now(&self) -> u64 {
        clock::unix_seconds() + self.ahead.load(Ordering::Acquire)
    }

    /// Moves the clock; what falls due happens on the next [`Stripe::act`].
    pub fn advance(&self, seconds: u64) {
        self.ahead.fetch_add(seconds, Ordering::AcqRel);
    }

    /// As [`Stripe::advance`], while those who call keep their time.
    pub fn run_ahead(&self, seconds: u64) {
        lock(&self.account).lead += seconds;
        self.advance(seconds);
    }

    /// Looks at the account or changes it, as of now; sends what happened.
    pub fn act<T>(&self, action: impl FnOnce(&mut Account, u64) -> T) -> (T, Acknowledged) {
        self.act_for(None, action)
    }

    /// As [`Stripe::act`], for a call that the events will name.
    pub fn act_for<T>(
        &self,
        cause: Option<Cause>,
        action: impl FnOnce(&mut Account, u64) -> T,
    ) -> (T, Acknowledged) {
        let (result, events) = {
            let mut account = lock(&self.account);
            let now = self.now();
            account.advance(now);
            account.caused_by(cause);
            let result = action(&mut account, now);
            account.caused_by(None);
            (result, account.take_unsent())
        };
        (result, self.sender.send(events))
    }
}

/// Everything the fake serves. Time passes for as long as `stripe` lives.
pub fn router(stripe: &Arc<Stripe>) -> Router {
    tokio::spawn(tick(Arc::downgrade(stripe)));
    let vendor = Router::new()
        .merge(pages::router())
        .merge(portal_page::router())
        .merge(invoice_page::router())
        .merge(admin::router())
        .route("/", get(dashboard::show).post(dashboard::advance))
        .fallback(api::answer)
        .with_state(stripe.clone());
    behind_door(vendor, refusal)
}

/// Stripe's own words for a failure.
fn refusal(status: StatusCode) -> Response {
    let request_id = api::request_id();
    let body = axum::Json(ApiError::of_status(status).body(&request_id));
    (status, [("request-id", request_id)], body).into_response()
}

async fn tick(stripe: Weak<Stripe>) {
    loop {
        tokio::time::sleep(TICK).await;
        let Some(stripe) = stripe.upgrade() else { return };
        stripe.act(|_, _| ());
    }
}

fn monthly(id: String) -> Price {
    Price {
        lookup_key: Some("workspace_monthly".to_owned()),
        product: "prod_TWorkspace0001".to_owned(),
        name: "Workspace".to_owned(),
        unit_amount: 700,
        currency: "usd".to_owned(),
        interval: Interval::Month,
        created: clock::unix_seconds(),
        id,
    }
}
