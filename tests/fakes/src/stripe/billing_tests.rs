//! Months in the life of a subscription.

use super::account::{Account, BankPending, RetriesUsedUp};
use super::checkout::NotOpen;
use super::session::{Method, tests::open};
use super::subscription::Status;
use crate::vendor::calendar::DAY;

/// 22 November 2025.
const START: u64 = 1_763_800_000;
const MONTH: u64 = 31 * DAY;

struct Story {
    account: Account,
    now: u64,
}

impl Story {
    fn begin() -> Self {
        let mut account = Account::default();
        let session = super::session::Session { expires_at: START + DAY, ..open() };
        account.sessions.insert(session.id.clone(), session);
        Self { account, now: START }
    }

    fn paid_by(method: Method, will_succeed: bool) -> Self {
        let mut story = Self::begin();
        story.pay(method, will_succeed).unwrap();
        story
    }

    fn pay(&mut self, method: Method, will_succeed: bool) -> Result<(), NotOpen> {
        self.account.pay_session("cs_test_a1", method, will_succeed, None, self.now)
    }

    fn pass(&mut self, seconds: u64) {
        self.now += seconds;
        self.account.advance(self.now);
    }

    fn break_card(&mut self) {
        for customer in self.account.customers.values_mut() {
            customer.pays = false;
        }
    }

    fn subscription(&self) -> &super::subscription::Subscription {
        self.account.subscriptions.values().next().expect("there is a subscription")
    }

    /// The events since the last time.
    fn told(&mut self) -> Vec<&'static str> {
        self.account.take_unsent().iter().map(|event| event.kind).collect()
    }
}

#[test]
fn a_card_payment_is_complete_at_once() {
    let mut story = Story::paid_by(Method::Card, true);
    assert_eq!(story.subscription().status, Status::Active);
    assert_eq!(story.account.sessions["cs_test_a1"].body()["payment_status"], "paid");
    assert_eq!(
        story.told(),
        [
            "customer.created",
            "customer.subscription.created",
            "customer.subscription.updated",
            "invoice.paid",
            "checkout.session.completed",
        ]
    );
}

#[test]
fn a_session_is_paid_once() {
    let mut story = Story::paid_by(Method::Card, true);
    assert_eq!(story.pay(Method::Card, true), Err(NotOpen));
    assert_eq!(story.account.subscriptions.len(), 1);
}

#[test]
fn a_bank_debit_that_works_is_paid_days_later() {
    let mut story = Story::paid_by(Method::Bank, true);
    assert_eq!(story.account.sessions["cs_test_a1"].body()["payment_status"], "unpaid");
    assert_eq!(story.account.sessions["cs_test_a1"].body()["status"], "complete");
    story.told();
    story.pass(4 * DAY);
    assert_eq!(story.account.sessions["cs_test_a1"].body()["payment_status"], "paid");
    assert_eq!(story.told(), ["invoice.paid", "checkout.session.async_payment_succeeded"]);
}

#[test]
fn a_bank_debit_that_fails_never_becomes_paid() {
    let mut story = Story::paid_by(Method::Bank, false);
    story.pass(4 * DAY);
    assert_eq!(story.account.sessions["cs_test_a1"].body()["payment_status"], "unpaid");
    assert_eq!(story.subscription().status, Status::PastDue);
    assert!(story.told().ends_with(&["checkout.session.async_payment_failed"]));
    story.pass(21 * DAY);
    assert_eq!(story.subscription().status, Status::Canceled);
}

#[test]
fn a_failed_debit_ends_an_incomplete_subscription() {
    let mut story = Story::begin();
    story.account.settings.bank_pending = BankPending::Incomplete;
    story.pay(Method::Bank, false).unwrap();
    assert_eq!(story.subscription().status, Status::Incomplete);
    story.pass(4 * DAY);
    assert_eq!(story.subscription().status, Status::IncompleteExpired);
    story.pass(3 * MONTH);
    assert_eq!(story.subscription().status, Status::IncompleteExpired);
}

#[test]
fn an_open_session_expires() {
    let mut story = Story::begin();
    story.pass(DAY);
    assert_eq!(story.told(), ["checkout.session.expired"]);
    assert_eq!(story.pay(Method::Card, true), Err(NotOpen));
}

#[test]
fn a_month_renews_and_is_charged_an_hour_later() {
    let mut story = Story::paid_by(Method::Card, true);
    let end = story.subscription().period_end();
    story.told();
    story.pass(end - story.now);
    assert_eq!(story.told(), ["customer.subscription.updated", "invoice.created"]);
    assert!(story.subscription().period_end() > end);
    story.pass(60 * 60);
    assert_eq!(story.told(), ["invoice.paid"]);
    assert_eq!(story.subscription().status, Status::Active);
}

#[test]
fn refused_charges_end_in_a_cancellation() {
    let mut story = Story::paid_by(Method::Card, true);
    story.break_card();
    story.pass(MONTH);
    assert_eq!(story.subscription().status, Status::PastDue);
    story.told();
    story.pass(19 * DAY);
    assert_eq!(story.told(), ["invoice.payment_failed"; 3]);
    story.pass(2 * DAY);
    assert_eq!(story.told(), ["invoice.payment_failed", "customer.subscription.deleted"]);
    assert_eq!(story.subscription().cancellation.reason, Some("payment_failed"));
    story.pass(3 * MONTH);
    assert!(story.told().is_empty(), "a canceled subscription never comes back");
}

#[test]
fn refused_charges_can_leave_it_unpaid_until_the_card_is_fixed() {
    let mut story = Story::paid_by(Method::Card, true);
    story.account.settings.retries_used_up = RetriesUsedUp::Unpaid;
    story.break_card();
    story.pass(MONTH + 22 * DAY);
    assert_eq!(story.subscription().status, Status::Unpaid);
    let customer = story.subscription().customer.clone();
    story.account.fix_payment(&customer, story.now);
    assert_eq!(story.subscription().status, Status::Active);
}

#[test]
fn a_scheduled_cancellation_falls_due_at_the_end_of_the_period() {
    let mut story = Story::paid_by(Method::Card, true);
    let id = story.subscription().id.clone();
    let now = story.now;
    story.account.change_subscription(&id, now, |subscription| {
        subscription.cancel_at(subscription.period_end(), now);
    });
    let body = story.subscription().body();
    assert_eq!(body["cancel_at_period_end"], false);
    assert_eq!(body["cancel_at"], body["items"]["data"][0]["current_period_end"]);
    story.told();
    story.pass(MONTH);
    assert_eq!(story.told(), ["customer.subscription.deleted"]);
    assert_eq!(story.subscription().cancellation.reason, Some("cancellation_requested"));
}
