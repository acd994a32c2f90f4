//! What becomes of a checkout session.

use super::account::Account;
use super::customer::Customer;
use super::invoice::{Invoice, InvoiceStatus, Reason};
use super::session::{Method, Payment, Session, State};
use super::subscription::{Cancellation, Status, Subscription};
use crate::ids;

/// The session is complete or expired: nothing more can be done with it.
#[derive(Debug, PartialEq, Eq)]
pub struct NotOpen;

impl Account {
    /// The person at the page pays: at once by card, or by a bank debit that
    /// succeeds or fails later. `email` is what they typed.
    ///
    /// # Errors
    /// [`NotOpen`], also when a second tab paid this very session before.
    pub fn pay_session(
        &mut self,
        id: &str,
        method: Method,
        will_succeed: bool,
        email: Option<String>,
        now: u64,
    ) -> Result<(), NotOpen> {
        let session = self.sessions.get(id).filter(|session| session.state == State::Open);
        let session = session.ok_or(NotOpen)?.clone();
        let customer = self.customer_for(&session, email, now);
        let payment = match method {
            Method::Card => Payment::Paid,
            Method::Bank => {
                Payment::Pending { until: now + self.settings.bank_seconds, will_succeed }
            }
        };
        let (subscription, invoice) = self.subscribe(&session, &customer, payment, now);
        let session = self.sessions.get_mut(id).expect("it was there above");
        session.customer = Some(customer.id);
        session.email = customer.email;
        session.state = State::Complete { subscription, invoice, method, payment };
        let body = session.body();
        self.emit("checkout.session.completed", body, None, now);
        Ok(())
    }

    /// # Errors
    /// [`NotOpen`]
    pub fn expire_session(&mut self, id: &str, now: u64) -> Result<(), NotOpen> {
        let session = self.sessions.get_mut(id);
        let session = session.filter(|session| session.state == State::Open).ok_or(NotOpen)?;
        session.state = State::Expired;
        let body = session.body();
        self.emit("checkout.session.expired", body, None, now);
        Ok(())
    }

    /// The bank's answer. Whether one was awaited.
    pub fn settle_session(&mut self, id: &str, succeeded: bool, now: u64) -> bool {
        let Some(session) = self.sessions.get_mut(id) else { return false };
        let State::Complete { subscription, invoice, payment, .. } = &mut session.state else {
            return false;
        };
        if !matches!(payment, Payment::Pending { .. }) {
            return false;
        }
        *payment = if succeeded { Payment::Paid } else { Payment::Failed };
        let (subscription, invoice) = (subscription.clone(), invoice.clone());
        let body = session.body();
        if succeeded {
            self.mark_paid(&invoice, now);
            self.emit("checkout.session.async_payment_succeeded", body, None, now);
        } else {
            self.first_debit_failed(&subscription, &invoice, now);
            self.emit("checkout.session.async_payment_failed", body, None, now);
        }
        true
    }

    fn first_debit_failed(&mut self, subscription: &str, invoice: &str, now: u64) {
        let customer = self.subscriptions[subscription].customer.clone();
        if let Some(customer) = self.customers.get_mut(&customer) {
            customer.pays = false;
        }
        self.mark_unpaid(invoice, now);
        // Its 23 hours are long over when a bank answers.
        if self.subscriptions[subscription].status == Status::Incomplete {
            self.change_subscription(subscription, now, |subscription| {
                subscription.status = Status::IncompleteExpired;
            });
            let invoice = self.invoices.get_mut(invoice).expect("invoices are never deleted");
            invoice.next_attempt = None;
            invoice.status = InvoiceStatus::Void;
            invoice.voided_at = Some(now);
        }
    }

    /// The one named by the caller, or a new one with each payment: to Stripe
    /// an e-mail address is no key.
    fn customer_for(&mut self, session: &Session, email: Option<String>, now: u64) -> Customer {
        if let Some(id) = &session.customer {
            return self.customer(id).clone();
        }
        let customer = Customer {
            id: ids::letters("cus_T", 13),
            email: session.customer_email.clone().or(email),
            name: Some("Test Person".to_owned()),
            created: now,
            pays: true,
        };
        self.customers.insert(customer.id.clone(), customer.clone());
        self.emit("customer.created", customer.body(), None, now);
        customer
    }

    /// Returns the ids of the new subscription and its first invoice.
    fn subscribe(
        &mut self,
        session: &Session,
        customer: &Customer,
        payment: Payment,
        now: u64,
    ) -> (String, String) {
        let invoice_id = ids::letters("in_1", 23);
        let subscription = Subscription {
            id: ids::letters("sub_1", 23),
            item: ids::letters("si_T", 13),
            customer: customer.id.clone(),
            payment_method: ids::letters("pm_1", 23),
            price: session.price.clone(),
            quantity: session.quantity,
            metadata: session.subscription_metadata.clone(),
            status: Status::Incomplete,
            created: now,
            period: 1,
            cancel_at: None,
            cancel_at_period_end: false,
            canceled_at: None,
            ended_at: None,
            cancellation: Cancellation::default(),
            latest_invoice: Some(invoice_id.clone()),
            is_paused: false,
        };
        let invoice = Invoice {
            status: InvoiceStatus::Open,
            finalized_at: Some(now),
            accrued: (now, now),
            reason: Reason::Create,
            next_attempt: None,
            ..self.draft(&subscription, invoice_id.clone(), now)
        };
        let subscription_id = subscription.id.clone();
        let body = subscription.body();
        self.subscriptions.insert(subscription_id.clone(), subscription);
        self.invoices.insert(invoice_id.clone(), invoice);
        self.emit("customer.subscription.created", body, None, now);
        if payment == Payment::Paid {
            self.mark_paid(&invoice_id, now);
        } else {
            let pending = self.settings.bank_pending.into();
            self.change_subscription(&subscription_id, now, |subscription| {
                subscription.status = pending;
            });
        }
        (subscription_id, invoice_id)
    }
}
