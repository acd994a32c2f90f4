//! The passing of time: sessions expire, banks answer, periods renew, cards
//! are charged again, cancellations fall due.

use super::account::{Account, RetriesUsedUp};
use super::invoice::{Invoice, InvoiceStatus, Reason};
use super::session::{Payment, State};
use super::subscription::{Status, Subscription};
use crate::ids;

/// Longest single advance of the clock, in seconds: two years.
pub const ADVANCE_MAX_SECONDS: u64 = 2 * 366 * 24 * 60 * 60;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Due {
    SessionExpires { session: String },
    BankAnswers { session: String, will_succeed: bool },
    Cancellation { subscription: String },
    Renewal { subscription: String },
    Charge { invoice: String },
}

impl Account {
    /// Lets everything happen that is due by `now`, in order, each at its own
    /// time. Ends: each step moves its object's next time forward.
    pub fn advance(&mut self, now: u64) {
        while let Some((at, due)) = self.next_due().filter(|(at, _)| *at <= now) {
            match due {
                Due::SessionExpires { session } => {
                    self.expire_session(&session, at).expect("only open sessions fall due");
                }
                Due::BankAnswers { session, will_succeed } => {
                    self.settle_session(&session, will_succeed, at);
                }
                Due::Cancellation { subscription } => {
                    self.change_subscription(&subscription, at, |subscription| {
                        subscription.end("cancellation_requested", at);
                    });
                }
                Due::Renewal { subscription } => self.renew(&subscription, at),
                Due::Charge { invoice } => self.charge(&invoice, at),
            }
        }
    }

    fn next_due(&self) -> Option<(u64, Due)> {
        let sessions = self.sessions.values().filter_map(|session| {
            let id = session.id.clone();
            match session.state {
                State::Open => Some((session.expires_at, Due::SessionExpires { session: id })),
                State::Complete { payment: Payment::Pending { until, will_succeed }, .. } => {
                    Some((until, Due::BankAnswers { session: id, will_succeed }))
                }
                State::Complete { .. } | State::Expired => None,
            }
        });
        let subscriptions = self.subscriptions.values().filter_map(due_of_subscription);
        let invoices = self.invoices.values().filter_map(|invoice| {
            Some((invoice.next_attempt?, Due::Charge { invoice: invoice.id.clone() }))
        });
        sessions.chain(subscriptions).chain(invoices).min_by_key(|(at, _)| *at)
    }

    /// A new period begins; its bill is charged an hour later.
    fn renew(&mut self, id: &str, now: u64) {
        let invoice_id = ids::letters("in_1", 23);
        self.change_subscription(id, now, |subscription| {
            subscription.period += 1;
            subscription.latest_invoice = Some(invoice_id.clone());
        });
        let invoice = self.draft(&self.subscriptions[id], invoice_id.clone(), now);
        let body = invoice.body();
        self.invoices.insert(invoice_id, invoice);
        self.emit("invoice.created", body, None, now);
    }

    /// The bill for a subscription's current period.
    pub(super) fn draft(&self, subscription: &Subscription, id: String, now: u64) -> Invoice {
        let customer = self.customer(&subscription.customer).clone();
        let count = self.invoices.values().filter(|other| other.customer.id == customer.id).count();
        let mut invoice = Invoice {
            number: format!("{}-{:04}", customer.invoice_prefix(), count + 1),
            id,
            subscription: subscription.id.clone(),
            item: subscription.item.clone(),
            customer,
            price: subscription.price.clone(),
            quantity: subscription.quantity,
            metadata: subscription.metadata.clone(),
            reason: Reason::Cycle,
            status: InvoiceStatus::Draft,
            created: now,
            period: (subscription.period_start(), subscription.period_end()),
            accrued: (
                subscription
                    .price
                    .interval
                    .end_of_period(subscription.created, subscription.period.saturating_sub(2)),
                subscription.period_start(),
            ),
            attempt_count: 0,
            next_attempt: None,
            finalized_at: None,
            paid_at: None,
            voided_at: None,
            public_url: self.public_url.clone(),
        };
        // Stripe makes bills for an unpaid or paused subscription but charges none.
        if subscription.status != Status::Unpaid && !subscription.is_paused {
            invoice.next_attempt = invoice.attempt_after(now);
        }
        invoice
    }

    fn charge(&mut self, id: &str, now: u64) {
        let customer = &self.invoices[id].customer.id;
        if self.customer(customer).pays {
            self.mark_paid(id, now);
        } else {
            self.mark_unpaid(id, now);
        }
    }

    /// The money has come; the subscription is in good standing again.
    pub(super) fn mark_paid(&mut self, id: &str, now: u64) {
        let invoice = self.invoices.get_mut(id).expect("invoices are never deleted");
        invoice.status = InvoiceStatus::Paid;
        invoice.finalized_at.get_or_insert(now);
        invoice.paid_at = Some(now);
        invoice.attempt_count += 1;
        invoice.next_attempt = None;
        let (body, subscription) = (invoice.body(), invoice.subscription.clone());
        let (customer, currency) = (invoice.customer.id.clone(), invoice.price.currency.clone());
        let amount = invoice.amount();
        self.collect(Some(id), &customer, amount, &currency, now);
        if !self.subscriptions[&subscription].status.is_terminal() {
            self.change_subscription(&subscription, now, |subscription| {
                subscription.status = Status::Active;
            });
        }
        self.emit("invoice.paid", body, None, now);
    }

    /// The charge was refused. It is tried again, until no attempt is left.
    pub(super) fn mark_unpaid(&mut self, id: &str, now: u64) {
        let invoice = self.invoices.get_mut(id).expect("invoices are never deleted");
        invoice.status = InvoiceStatus::Open;
        invoice.finalized_at.get_or_insert(now);
        invoice.attempt_count += 1;
        invoice.next_attempt = invoice.attempt_after(now);
        let used_up = invoice.next_attempt.is_none();
        let (body, id) = (invoice.body(), invoice.subscription.clone());
        let settings = self.settings.retries_used_up;
        self.change_subscription(&id, now, |subscription| {
            if subscription.status == Status::Active {
                subscription.status = Status::PastDue;
            }
        });
        self.emit("invoice.payment_failed", body, None, now);
        if used_up {
            self.change_subscription(&id, now, |subscription| match settings {
                RetriesUsedUp::Cancel => subscription.end("payment_failed", now),
                RetriesUsedUp::Unpaid => subscription.status = Status::Unpaid,
                RetriesUsedUp::PastDue => {}
            });
        }
    }

    /// The customer gave a good card: everything open is charged to it.
    pub fn fix_payment(&mut self, customer: &str, now: u64) {
        if let Some(customer) = self.customers.get_mut(customer) {
            customer.pays = true;
        }
        let open: Vec<String> = self
            .invoices
            .values()
            .filter(|invoice| {
                invoice.customer.id == customer
                    && invoice.status == InvoiceStatus::Open
                    && !self.subscriptions[&invoice.subscription].status.is_terminal()
                    && !self.awaits_bank(&invoice.id)
            })
            .map(|invoice| invoice.id.clone())
            .collect();
        for invoice in open {
            self.mark_paid(&invoice, now);
        }
    }

    fn awaits_bank(&self, invoice_id: &str) -> bool {
        self.sessions.values().any(|session| {
            matches!(&session.state, State::Complete { invoice, payment: Payment::Pending { .. }, .. }
                if invoice == invoice_id)
        })
    }
}

fn due_of_subscription(subscription: &Subscription) -> Option<(u64, Due)> {
    let (id, renewal) = (subscription.id.clone(), subscription.period_end());
    match subscription.status {
        Status::Canceled | Status::IncompleteExpired | Status::Incomplete => None,
        Status::Active | Status::PastDue | Status::Unpaid => match subscription.cancel_at {
            Some(at) if at <= renewal => Some((at, Due::Cancellation { subscription: id })),
            _ => Some((renewal, Due::Renewal { subscription: id })),
        },
    }
}
