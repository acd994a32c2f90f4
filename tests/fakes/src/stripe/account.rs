//! Everything one Stripe account holds, and the events of its changes.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::customer::Customer;
use super::event::{self, Cause, Event};
use super::invoice::Invoice;
use super::money_back::{Charge, Dispute, FraudWarning, Refund};
use super::portal::Portal;
use super::price::Price;
use super::session::Session;
use super::subscription::{Status, Subscription};
use crate::vendor::calendar::DAY;

/// Events kept for `GET /v1/events`; the oldest go first.
const EVENTS_MAX: usize = 20_000;

#[derive(Debug, Default)]
pub struct Account {
    pub settings: Settings,
    /// Base of the pages people visit, without a slash at the end.
    pub public_url: String,
    /// How far the clock was turned while those who call kept theirs, in seconds.
    pub lead: u64,
    pub prices: BTreeMap<String, Price>,
    pub customers: BTreeMap<String, Customer>,
    pub sessions: BTreeMap<String, Session>,
    pub subscriptions: BTreeMap<String, Subscription>,
    pub invoices: BTreeMap<String, Invoice>,
    pub portals: BTreeMap<String, Portal>,
    pub charges: BTreeMap<String, Charge>,
    pub refunds: BTreeMap<String, Refund>,
    pub disputes: BTreeMap<String, Dispute>,
    pub warnings: BTreeMap<String, FraudWarning>,
    events: VecDeque<Event>,
    unsent: Vec<Event>,
    cause: Option<Cause>,
}

/// What an owner sets in the dashboard, and what the facts leave open.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    pub retries_used_up: RetriesUsedUp,
    /// How long a bank takes to answer.
    pub bank_seconds: u64,
    /// Status of a subscription whose first bank debit is under way.
    pub bank_pending: BankPending,
    /// Without saved settings the portal answers 400.
    pub portal_configured: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            retries_used_up: RetriesUsedUp::Cancel,
            bank_seconds: 4 * DAY,
            bank_pending: BankPending::Active,
            portal_configured: true,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetriesUsedUp {
    Cancel,
    Unpaid,
    PastDue,
}

/// Both are seen in the field, so a client must cope with both: only the
/// session's `payment_status` tells whether there is money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BankPending {
    Active,
    Incomplete,
}

impl From<BankPending> for Status {
    fn from(pending: BankPending) -> Self {
        match pending {
            BankPending::Active => Self::Active,
            BankPending::Incomplete => Self::Incomplete,
        }
    }
}

impl Account {
    /// Nothing in it yet. `public_url` has no slash at the end.
    pub fn new(public_url: String) -> Self {
        Self { public_url, ..Self::default() }
    }

    /// Events from here on name this call as their cause.
    pub fn caused_by(&mut self, cause: Option<Cause>) {
        self.cause = cause;
    }

    pub fn emit(&mut self, kind: &'static str, object: Value, previous: Option<Value>, at: u64) {
        let mut event = Event::new(kind, object, previous, at);
        event.request.clone_from(&self.cause);
        if self.events.len() >= EVENTS_MAX {
            self.events.pop_front();
        }
        self.events.push_back(event.clone());
        self.unsent.push(event);
    }

    /// What happened since the last time, oldest first.
    pub fn take_unsent(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.unsent)
    }

    /// Oldest first.
    pub fn events(&self) -> impl DoubleEndedIterator<Item = &Event> {
        self.events.iter()
    }

    pub fn customer(&self, id: &str) -> &Customer {
        self.customers.get(id).expect("customers are never deleted")
    }

    /// Changes a subscription and tells what is different now.
    pub fn change_subscription(
        &mut self,
        id: &str,
        at: u64,
        change: impl FnOnce(&mut Subscription),
    ) {
        let subscription = self.subscriptions.get_mut(id).expect("subscriptions are never deleted");
        let before = subscription.body();
        change(subscription);
        let after = subscription.body();
        let ended = subscription.status == Status::Canceled && before["status"] != "canceled";
        match event::previous(&before, &after) {
            None => {}
            // The last event of a subscription tells no old values.
            Some(_) if ended => {
                self.stop_charging(id);
                self.emit("customer.subscription.deleted", after, None, at);
            }
            Some(old) => self.emit("customer.subscription.updated", after, Some(old), at),
        }
    }

    fn stop_charging(&mut self, subscription: &str) {
        for invoice in self.invoices.values_mut() {
            if invoice.subscription == subscription {
                invoice.next_attempt = None;
            }
        }
    }
}
