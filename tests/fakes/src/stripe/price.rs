//! What is sold, and for how long one payment lasts.

use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::vendor::calendar::{DAY, months_after};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    pub id: String,
    pub product: String,
    pub name: String,
    pub lookup_key: Option<String>,
    /// In the currency's smallest unit.
    pub unit_amount: u64,
    pub currency: String,
    pub interval: Interval,
    /// Unix seconds.
    pub created: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interval {
    Day,
    Week,
    Month,
    Year,
}

impl Interval {
    pub const NAMES: &'static [&'static str] = &["day", "week", "month", "year"];

    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "day" => Self::Day,
            "week" => Self::Week,
            "month" => Self::Month,
            "year" => Self::Year,
            _ => return None,
        })
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Year => "year",
        }
    }

    /// When the period with this number ends; the one from the anchor is 1.
    /// Unix seconds.
    pub fn end_of_period(self, anchor: u64, number: u32) -> u64 {
        match self {
            Self::Day => anchor + DAY * u64::from(number),
            Self::Week => anchor + 7 * DAY * u64::from(number),
            Self::Month => months_after(anchor, number),
            Self::Year => months_after(anchor, 12 * number),
        }
    }
}

impl Price {
    pub fn body(&self) -> Value {
        static SHAPE: LazyLock<Value> = LazyLock::new(|| shape(include_str!("shapes/price.json")));
        let mut body = SHAPE.clone();
        body["id"] = json!(self.id);
        body["product"] = json!(self.product);
        body["lookup_key"] = json!(self.lookup_key);
        body["created"] = json!(self.created);
        body["currency"] = json!(self.currency);
        body["recurring"]["interval"] = json!(self.interval.name());
        body["unit_amount"] = json!(self.unit_amount);
        body["unit_amount_decimal"] = json!(self.unit_amount.to_string());
        body
    }

    /// The older form of the same, which subscriptions still carry.
    pub fn plan_body(&self) -> Value {
        static SHAPE: LazyLock<Value> = LazyLock::new(|| shape(include_str!("shapes/plan.json")));
        let mut body = SHAPE.clone();
        body["id"] = json!(self.id);
        body["product"] = json!(self.product);
        body["created"] = json!(self.created);
        body["currency"] = json!(self.currency);
        body["interval"] = json!(self.interval.name());
        body["amount"] = json!(self.unit_amount);
        body["amount_decimal"] = json!(self.unit_amount.to_string());
        body
    }

    /// For people: `$7.00 per month`.
    pub fn in_words(&self) -> String {
        format!("{} per {}", self.amount_in_words(1), self.interval.name())
    }

    /// `$7.00`, or `EUR 7.00`.
    pub fn amount_in_words(&self, quantity: u64) -> String {
        let amount = self.unit_amount.saturating_mul(quantity);
        let (whole, cents) = (amount / 100, amount % 100);
        match self.currency.as_str() {
            "usd" => format!("${whole}.{cents:02}"),
            other => format!("{} {whole}.{cents:02}", other.to_uppercase()),
        }
    }
}

/// A body to be filled in, with every field the real one has.
pub(crate) fn shape(text: &str) -> Value {
    serde_json::from_str(text).expect("the shapes in this crate are JSON")
}
