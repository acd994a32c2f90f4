//! A subscription as Stripe keeps it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Value, json};

use super::price::{Price, shape};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    pub id: String,
    pub item: String,
    pub customer: String,
    pub payment_method: String,
    pub price: Price,
    pub quantity: u64,
    pub metadata: BTreeMap<String, String>,
    pub status: Status,
    /// Unix seconds, as all times here. Periods are counted from here.
    pub created: u64,
    /// The current period's number; the first is 1.
    pub period: u32,
    pub cancel_at: Option<u64>,
    pub cancel_at_period_end: bool,
    pub canceled_at: Option<u64>,
    pub ended_at: Option<u64>,
    pub cancellation: Cancellation,
    pub latest_invoice: Option<String>,
    /// Its owner collects nothing for now; bills are drawn, and none is charged.
    pub is_paused: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cancellation {
    pub comment: Option<String>,
    pub feedback: Option<String>,
    pub reason: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Incomplete,
    IncompleteExpired,
    Active,
    PastDue,
    Unpaid,
    Canceled,
}

impl Status {
    pub const NAMES: &'static [&'static str] = &[
        "incomplete",
        "incomplete_expired",
        "trialing",
        "active",
        "past_due",
        "unpaid",
        "paused",
        "canceled",
        "ended",
        "all",
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Incomplete => "incomplete",
            Self::IncompleteExpired => "incomplete_expired",
            Self::Active => "active",
            Self::PastDue => "past_due",
            Self::Unpaid => "unpaid",
            Self::Canceled => "canceled",
        }
    }

    /// Such a subscription never comes back.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Canceled | Self::IncompleteExpired)
    }
}

impl Subscription {
    pub fn period_start(&self) -> u64 {
        self.price.interval.end_of_period(self.created, self.period - 1)
    }

    pub fn period_end(&self) -> u64 {
        self.price.interval.end_of_period(self.created, self.period)
    }

    /// By the API or the dashboard.
    pub fn cancel_at_period_end(&mut self, now: u64) {
        self.cancel_at_period_end = true;
        self.cancel_at(self.period_end(), now);
    }

    /// Also by the portal, which under flexible billing sets only the time.
    pub fn cancel_at(&mut self, at: u64, now: u64) {
        self.cancel_at = Some(at);
        self.canceled_at = Some(now);
        self.cancellation.reason = Some("cancellation_requested");
    }

    /// Takes a scheduled cancellation back.
    pub fn resume(&mut self) {
        self.cancel_at_period_end = false;
        self.cancel_at = None;
        self.canceled_at = None;
        self.cancellation = Cancellation::default();
    }

    /// The end. A reason that is already there stays, and so does the time
    /// at which the cancellation was asked for.
    pub fn end(&mut self, reason: &'static str, now: u64) {
        self.status = Status::Canceled;
        self.cancel_at_period_end = false;
        self.canceled_at.get_or_insert(now);
        self.ended_at = Some(now);
        self.cancellation.reason.get_or_insert(reason);
    }

    pub fn body(&self) -> Value {
        static SHAPE: LazyLock<Value> =
            LazyLock::new(|| shape(include_str!("shapes/subscription.json")));
        let mut body = SHAPE.clone();
        body["id"] = json!(self.id);
        body["billing_cycle_anchor"] = json!(self.created);
        body["billing_mode"]["updated_at"] = json!(self.created);
        body["cancel_at"] = json!(self.cancel_at);
        body["cancel_at_period_end"] = json!(self.cancel_at_period_end);
        body["canceled_at"] = json!(self.canceled_at);
        body["cancellation_details"]["comment"] = json!(self.cancellation.comment);
        body["cancellation_details"]["feedback"] = json!(self.cancellation.feedback);
        body["cancellation_details"]["reason"] = json!(self.cancellation.reason);
        body["created"] = json!(self.created);
        body["currency"] = json!(self.price.currency);
        body["customer"] = json!(self.customer);
        body["default_payment_method"] = json!(self.payment_method);
        body["ended_at"] = json!(self.ended_at);
        body["items"]["data"] = json!([self.item_body()]);
        body["items"]["url"] = json!(format!("/v1/subscription_items?subscription={}", self.id));
        body["latest_invoice"] = json!(self.latest_invoice);
        body["metadata"] = json!(self.metadata);
        body["plan"] = self.price.plan_body();
        if self.is_paused {
            body["pause_collection"] = json!({"behavior": "void", "resumes_at": null});
        }
        body["quantity"] = json!(self.quantity);
        body["start_date"] = json!(self.created);
        body["status"] = json!(self.status.name());
        body
    }

    fn item_body(&self) -> Value {
        static SHAPE: LazyLock<Value> =
            LazyLock::new(|| shape(include_str!("shapes/subscription_item.json")));
        let mut item = SHAPE.clone();
        item["id"] = json!(self.item);
        item["created"] = json!(self.created);
        item["current_period_start"] = json!(self.period_start());
        item["current_period_end"] = json!(self.period_end());
        item["plan"] = self.price.plan_body();
        item["price"] = self.price.body();
        item["quantity"] = json!(self.quantity);
        item["subscription"] = json!(self.id);
        item
    }
}
