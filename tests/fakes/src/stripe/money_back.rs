//! Charges, and what takes their money away again: refunds, disputes, and the card
//! networks' early warnings.

use serde_json::{Value, json};

use super::account::Account;
use crate::ids;
use crate::vendor::calendar::DAY;

/// How long a seller has to answer a dispute.
const ANSWER_WITHIN: u64 = 9 * DAY;

/// What a card or a bank paid for one invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    pub id: String,
    pub payment_intent: String,
    /// Of the payment that joins it to its invoice.
    pub payment: String,
    /// `None` for what was sold without a subscription.
    pub invoice: Option<String>,
    pub customer: String,
    pub amount: u64,
    pub currency: String,
    pub amount_refunded: u64,
    pub is_disputed: bool,
    /// Unix seconds.
    pub created: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refund {
    pub id: String,
    pub charge: String,
    pub payment_intent: String,
    pub amount: u64,
    pub currency: String,
    pub status: &'static str,
    pub reason: Option<String>,
    pub created: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispute {
    pub id: String,
    pub charge: String,
    pub payment_intent: String,
    pub amount: u64,
    pub currency: String,
    pub status: &'static str,
    pub reason: String,
    pub created: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FraudWarning {
    pub id: String,
    pub charge: String,
    pub payment_intent: String,
    pub is_actionable: bool,
    pub created: u64,
}

/// Why no money goes back.
#[derive(Debug, PartialEq, Eq)]
pub enum NotRefunded {
    NoCharge,
    /// More than is left of it.
    TooMuch {
        left: u64,
    },
}

impl Charge {
    pub fn body(&self) -> Value {
        json!({
            "id": self.id,
            "object": "charge",
            "amount": self.amount,
            "amount_captured": self.amount,
            "amount_refunded": self.amount_refunded,
            "captured": true,
            "created": self.created,
            "currency": self.currency,
            "customer": self.customer,
            "disputed": self.is_disputed,
            "livemode": false,
            "metadata": {},
            "paid": true,
            "payment_intent": self.payment_intent,
            "refunded": self.amount_refunded == self.amount,
            "status": "succeeded",
        })
    }

    /// What joins it to its invoice.
    pub fn payment_body(&self) -> Option<Value> {
        let invoice = self.invoice.as_ref()?;
        Some(json!({
            "id": self.payment,
            "object": "invoice_payment",
            "amount_paid": self.amount,
            "amount_requested": self.amount,
            "created": self.created,
            "currency": self.currency,
            "invoice": invoice,
            "is_default": true,
            "livemode": false,
            "payment": { "type": "payment_intent", "payment_intent": self.payment_intent },
            "status": "paid",
            "status_transitions": { "canceled_at": null, "paid_at": self.created },
        }))
    }
}

impl Refund {
    pub fn body(&self) -> Value {
        json!({
            "id": self.id,
            "object": "refund",
            "amount": self.amount,
            "charge": self.charge,
            "created": self.created,
            "currency": self.currency,
            "metadata": {},
            "payment_intent": self.payment_intent,
            "reason": self.reason,
            "status": self.status,
        })
    }
}

impl Dispute {
    pub fn body(&self) -> Value {
        json!({
            "id": self.id,
            "object": "dispute",
            "amount": self.amount,
            "charge": self.charge,
            "created": self.created,
            "currency": self.currency,
            "evidence_details": { "due_by": self.created + ANSWER_WITHIN, "has_evidence": false },
            "is_charge_refundable": self.status.starts_with("warning_"),
            "livemode": false,
            "metadata": {},
            "payment_intent": self.payment_intent,
            "reason": self.reason,
            "status": self.status,
        })
    }
}

impl FraudWarning {
    pub fn body(&self) -> Value {
        json!({
            "id": self.id,
            "object": "radar.early_fraud_warning",
            "actionable": self.is_actionable,
            "charge": self.charge,
            "created": self.created,
            "fraud_type": "unauthorized_use_of_card",
            "livemode": false,
            "payment_intent": self.payment_intent,
        })
    }
}

impl Account {
    /// Money comes: for an invoice, or for something that is sold without one.
    pub fn collect(
        &mut self,
        invoice: Option<&str>,
        customer: &str,
        amount: u64,
        currency: &str,
        now: u64,
    ) -> String {
        let charge = Charge {
            id: ids::letters("ch_3", 23),
            payment_intent: ids::letters("pi_3", 23),
            payment: ids::letters("inpay_1", 23),
            invoice: invoice.map(ToOwned::to_owned),
            customer: customer.to_owned(),
            amount,
            currency: currency.to_owned(),
            amount_refunded: 0,
            is_disputed: false,
            created: now,
        };
        let id = charge.id.clone();
        self.charges.insert(id.clone(), charge);
        id
    }

    /// Gives `amount` of a charge back, or all that is left of it.
    ///
    /// # Errors
    /// [`NotRefunded`]
    pub fn refund(
        &mut self,
        charge: &str,
        amount: Option<u64>,
        reason: Option<String>,
        now: u64,
    ) -> Result<Value, NotRefunded> {
        let charge = self.charges.get_mut(charge).ok_or(NotRefunded::NoCharge)?;
        let left = charge.amount - charge.amount_refunded;
        let amount = amount.unwrap_or(left);
        if amount == 0 || amount > left {
            return Err(NotRefunded::TooMuch { left });
        }
        charge.amount_refunded += amount;
        let refund = Refund {
            id: ids::letters("re_3", 23),
            charge: charge.id.clone(),
            payment_intent: charge.payment_intent.clone(),
            amount,
            currency: charge.currency.clone(),
            status: "succeeded",
            reason,
            created: now,
        };
        let (charged, body) = (charge.body(), refund.body());
        self.refunds.insert(refund.id.clone(), refund);
        self.emit("refund.created", body.clone(), None, now);
        self.emit("charge.refunded", charged, None, now);
        Ok(body)
    }

    /// The card holder asks their bank for the money; as an inquiry, for a reason first.
    /// `None` when there is no such charge.
    pub fn dispute(
        &mut self,
        charge: &str,
        reason: &str,
        is_inquiry: bool,
        now: u64,
    ) -> Option<String> {
        let charge = self.charges.get_mut(charge)?;
        charge.is_disputed = true;
        let dispute = Dispute {
            id: ids::letters("du_1", 23),
            charge: charge.id.clone(),
            payment_intent: charge.payment_intent.clone(),
            amount: charge.amount - charge.amount_refunded,
            currency: charge.currency.clone(),
            status: if is_inquiry { "warning_needs_response" } else { "needs_response" },
            reason: reason.to_owned(),
            created: now,
        };
        let (id, body) = (dispute.id.clone(), dispute.body());
        self.disputes.insert(id.clone(), dispute);
        self.emit("charge.dispute.created", body.clone(), None, now);
        if !is_inquiry {
            self.emit("charge.dispute.funds_withdrawn", body, None, now);
        }
        Some(id)
    }

    /// The bank has decided. Whether a dispute was open.
    pub fn close_dispute(&mut self, id: &str, is_won: bool, now: u64) -> bool {
        let Some(dispute) = self.disputes.get_mut(id) else { return false };
        let (status, gives_back) = match (dispute.status, is_won) {
            ("needs_response", true) => ("won", true),
            ("needs_response", false) => ("lost", false),
            ("warning_needs_response", _) => ("warning_closed", false),
            _ => return false,
        };
        dispute.status = status;
        let body = dispute.body();
        self.emit("charge.dispute.closed", body.clone(), None, now);
        if gives_back {
            self.emit("charge.dispute.funds_reinstated", body, None, now);
        }
        true
    }

    /// The card's network expects a dispute. `None` when there is no such charge.
    pub fn warn_of_fraud(&mut self, charge: &str, now: u64) -> Option<String> {
        let charge = self.charges.get(charge)?;
        let warning = FraudWarning {
            id: ids::letters("issfr_1", 23),
            charge: charge.id.clone(),
            payment_intent: charge.payment_intent.clone(),
            is_actionable: charge.amount_refunded < charge.amount && !charge.is_disputed,
            created: now,
        };
        let (id, body) = (warning.id.clone(), warning.body());
        self.warnings.insert(id.clone(), warning);
        self.emit("radar.early_fraud_warning.created", body, None, now);
        Some(id)
    }

    /// The charges of a subscription, the oldest first.
    pub fn charges_of(&self, subscription: &str) -> Vec<&Charge> {
        let is_of = |charge: &&Charge| {
            let invoice = charge.invoice.as_ref().and_then(|id| self.invoices.get(id));
            invoice.is_some_and(|invoice| invoice.subscription == subscription)
        };
        let mut charges: Vec<_> = self.charges.values().filter(is_of).collect();
        charges.sort_by_key(|charge| charge.created);
        charges
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(account: &mut Account) -> Vec<&'static str> {
        account.take_unsent().iter().map(|event| event.kind).collect()
    }

    #[test]
    fn no_more_goes_back_than_came() {
        let mut account = Account::default();
        let charge = account.collect(None, "cus_1", 700, "usd", 1_000);
        assert!(account.refund(&charge, Some(300), None, 1_001).is_ok());
        assert_eq!(account.charges[&charge].body()["refunded"], false);
        let too_much = account.refund(&charge, Some(500), None, 1_002);
        assert_eq!(too_much, Err(NotRefunded::TooMuch { left: 400 }));
        assert!(account.refund(&charge, None, None, 1_003).is_ok());
        assert_eq!(account.charges[&charge].body()["refunded"], true);
        assert_eq!(account.refund("ch_x", None, None, 1_004), Err(NotRefunded::NoCharge));
        let twice = ["refund.created", "charge.refunded", "refund.created", "charge.refunded"];
        assert_eq!(kinds(&mut account), twice);
    }

    #[test]
    fn a_dispute_is_decided_once() {
        let mut account = Account::default();
        let charge = account.collect(None, "cus_1", 700, "usd", 1_000);
        let dispute = account.dispute(&charge, "fraudulent", false, 1_001).unwrap();
        assert!(account.close_dispute(&dispute, true, 1_002));
        assert!(!account.close_dispute(&dispute, false, 1_003));
        assert_eq!(account.disputes[&dispute].status, "won");
        let inquiry = account.dispute(&charge, "general", true, 1_004).unwrap();
        assert!(account.close_dispute(&inquiry, false, 1_005));
        assert_eq!(account.disputes[&inquiry].status, "warning_closed");
    }
}
