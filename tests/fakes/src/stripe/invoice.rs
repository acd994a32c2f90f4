//! One period's bill and the attempts to have it paid.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Value, json};

use super::customer::Customer;
use super::price::{Price, shape};
use crate::vendor::calendar::DAY;

/// When a renewal's invoice is charged, counted from its creation: an hour
/// later, then three more times, and for the last time after three weeks.
/// Stripe's retries are "smart"; these are the times in the samples.
pub const ATTEMPTS: [u64; 5] = [60 * 60, 3 * DAY, 8 * DAY, 14 * DAY, 21 * DAY];

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invoice {
    pub id: String,
    pub number: String,
    pub subscription: String,
    pub item: String,
    pub customer: Customer,
    pub price: Price,
    pub quantity: u64,
    /// A copy of the subscription's.
    pub metadata: BTreeMap<String, String>,
    pub reason: Reason,
    pub status: InvoiceStatus,
    /// Unix seconds, as all times here.
    pub created: u64,
    /// What is paid for.
    pub period: (u64, u64),
    /// The period before, during which this bill came about.
    pub accrued: (u64, u64),
    pub attempt_count: usize,
    pub next_attempt: Option<u64>,
    pub finalized_at: Option<u64>,
    pub paid_at: Option<u64>,
    pub voided_at: Option<u64>,
    /// Base of the page where a person can pay it.
    pub public_url: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    Create,
    Cycle,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvoiceStatus {
    Draft,
    Open,
    Paid,
    Void,
}

impl Invoice {
    pub fn amount(&self) -> u64 {
        self.price.unit_amount.saturating_mul(self.quantity)
    }

    /// The first of the [`ATTEMPTS`] that lies ahead.
    pub fn attempt_after(&self, now: u64) -> Option<u64> {
        ATTEMPTS.iter().map(|delay| self.created + delay).find(|at| *at > now)
    }

    pub fn body(&self) -> Value {
        static SHAPE: LazyLock<Value> =
            LazyLock::new(|| shape(include_str!("shapes/invoice.json")));
        let mut body = SHAPE.clone();
        let amount = self.amount();
        let paid = if self.status == InvoiceStatus::Paid { amount } else { 0 };
        for name in
            ["amount_due", "subtotal", "subtotal_excluding_tax", "total", "total_excluding_tax"]
        {
            body[name] = json!(amount);
        }
        body["amount_paid"] = json!(paid);
        body["amount_remaining"] = json!(amount - paid);
        body["id"] = json!(self.id);
        body["number"] = json!(self.number);
        body["currency"] = json!(self.price.currency);
        body["customer"] = json!(self.customer.id);
        body["customer_email"] = json!(self.customer.email);
        body["customer_name"] = json!(self.customer.name);
        body["attempt_count"] = json!(self.attempt_count);
        body["attempted"] = json!(self.attempt_count > 0);
        body["auto_advance"] = json!(self.next_attempt.is_some());
        body["billing_reason"] = json!(match self.reason {
            Reason::Create => "subscription_create",
            Reason::Cycle => "subscription_cycle",
        });
        body["created"] = json!(self.created);
        body["effective_at"] = json!(self.finalized_at);
        body["hosted_invoice_url"] = json!(format!("{}/i/{}", self.public_url, self.id));
        body["invoice_pdf"] = json!(null);
        body["next_payment_attempt"] = json!(self.next_attempt);
        body["parent"]["subscription_details"] =
            json!({"metadata": self.metadata, "subscription": self.subscription});
        body["period_start"] = json!(self.accrued.0);
        body["period_end"] = json!(self.accrued.1);
        body["status"] = json!(match self.status {
            InvoiceStatus::Draft => "draft",
            InvoiceStatus::Open => "open",
            InvoiceStatus::Paid => "paid",
            InvoiceStatus::Void => "void",
        });
        body["status_transitions"]["finalized_at"] = json!(self.finalized_at);
        body["status_transitions"]["paid_at"] = json!(self.paid_at);
        body["status_transitions"]["voided_at"] = json!(self.voided_at);
        body["webhooks_delivered_at"] = json!(self.created);
        self.fill_line(&mut body["lines"]);
        body
    }

    fn fill_line(&self, lines: &mut Value) {
        lines["url"] = json!(format!("/v1/invoices/{}/lines", self.id));
        let line = &mut lines["data"][0];
        line["id"] = json!(self.id.replacen("in_", "il_", 1));
        line["invoice"] = json!(self.id);
        line["subscription"] = json!(self.subscription);
        line["amount"] = json!(self.amount());
        line["subtotal"] = json!(self.amount());
        line["currency"] = json!(self.price.currency);
        line["description"] = json!(format!(
            "{} × {} (at {} / {})",
            self.quantity,
            self.price.name,
            self.price.amount_in_words(1),
            self.price.interval.name()
        ));
        line["metadata"] = json!(self.metadata);
        let details = &mut line["parent"]["subscription_item_details"];
        details["subscription"] = json!(self.subscription);
        details["subscription_item"] = json!(self.item);
        line["period"] = json!({"start": self.period.0, "end": self.period.1});
        line["pricing"]["price_details"] =
            json!({"price": self.price.id, "product": self.price.product});
        line["pricing"]["unit_amount_decimal"] = json!(self.price.unit_amount.to_string());
        line["quantity"] = json!(self.quantity);
        line["quantity_decimal"] = json!(self.quantity.to_string());
    }
}
