//! What a subscription at Stripe means for a workspace. Pure.

use std::time::Duration;

use crate::base::clock::Moment;
use vendors::stripe::Subscription;
use vendors::stripe::subscription::{CancellationReason, SubscriptionStatus};

/// What is kept of a subscription, as Stripe told it last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Billing {
    pub status: SubscriptionStatus,
    /// The end of what is paid for.
    pub period_end: Option<Moment>,
    /// When access ends, where that is arranged.
    pub cancel_at: Option<Moment>,
    /// Until when a failed renewal is forgiven.
    pub grace_until: Option<Moment>,
}

/// What a workspace may expect for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Paid for, also when its end is arranged.
    Good,
    /// A renewal failed, and Stripe tries again.
    Grace { until: Moment },
    /// Not paid for, for now. Everything is kept.
    Stopped,
    /// Nothing is collected for now, as was asked for. Everything is kept.
    Paused,
    /// The first payment is not done.
    NotYet,
    /// For good: such a subscription never comes back.
    Over,
    /// Stripe has a new word. What was decided last still holds.
    Unclear,
}

impl Billing {
    /// As `subscription` stands at `now`; `before` is what was kept of it, if it was seen before.
    ///
    /// The grace begins when a failure is first seen and does not begin again
    /// until the customer has paid.
    pub fn after(
        before: Option<&Self>,
        subscription: &Subscription,
        grace: Duration,
        now: Moment,
    ) -> Self {
        use SubscriptionStatus::{Active, PastDue, Trialing};
        let period_end = subscription.period_end().map(Moment::from_seconds);
        let at_period_end = period_end.filter(|_| subscription.cancel_at_period_end);
        let known_grace = before.and_then(|before| before.grace_until);
        let grace_until = match subscription.status {
            Active | Trialing => None,
            PastDue => Some(known_grace.unwrap_or(now.after(grace))),
            _ => known_grace,
        };
        Self {
            status: status_of(subscription),
            period_end,
            cancel_at: subscription.cancel_at.map(Moment::from_seconds).or(at_period_end),
            grace_until,
        }
    }

    pub fn standing(&self, now: Moment) -> Standing {
        use SubscriptionStatus::{
            Active, Canceled, Incomplete, IncompleteExpired, PastDue, Paused, Trialing, Unknown,
            Unpaid,
        };
        match (&self.status, self.grace_until) {
            (Active | Trialing, _) => Standing::Good,
            (PastDue, Some(until)) if now < until => Standing::Grace { until },
            (PastDue | Unpaid, _) => Standing::Stopped,
            (Paused, _) => Standing::Paused,
            (Incomplete, _) => Standing::NotYet,
            (Canceled | IncompleteExpired, _) => Standing::Over,
            (Unknown(_), _) => Standing::Unclear,
        }
    }
}

/// Stripe's word, but for two that it tells elsewhere.
///
/// Collecting can be paused without a change of the status; then nothing is paid. And a
/// subscription that Stripe gave up after failed retries is one that was not paid for, not
/// one that its customer ended: an expired card must not delete a workspace.
fn status_of(subscription: &Subscription) -> SubscriptionStatus {
    use SubscriptionStatus::{Active, Canceled, PastDue, Paused, Trialing, Unpaid};
    match (&subscription.status, subscription.cancellation_reason()) {
        (Active | Trialing | PastDue, _) if subscription.pause_collection.is_some() => Paused,
        (Canceled, Some(CancellationReason::PaymentFailed)) => Unpaid,
        (status, _) => status.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const GRACE: Duration = Duration::from_secs(7 * 86_400);
    const NOW: Moment = Moment::from_seconds(1_800_000_000);

    fn subscription(status: &str, changes: &Value) -> Subscription {
        let text = include_str!("../../tests/stripe-samples/api_subscription_active.json");
        let mut body: Value = serde_json::from_str(text).unwrap();
        body["status"] = json!(status);
        for (name, value) in changes.as_object().unwrap() {
            body[name] = value.clone();
        }
        serde_json::from_value(body).unwrap()
    }

    fn first(status: &str) -> Billing {
        Billing::after(None, &subscription(status, &json!({})), GRACE, NOW)
    }

    #[test]
    fn every_status_has_a_meaning() {
        let check = |status, expected| {
            assert_eq!(first(status).standing(NOW), expected, "{status}");
        };
        check("active", Standing::Good);
        check("trialing", Standing::Good);
        check("past_due", Standing::Grace { until: NOW.after(GRACE) });
        check("unpaid", Standing::Stopped);
        check("paused", Standing::Paused);
        check("incomplete", Standing::NotYet);
        check("incomplete_expired", Standing::Over);
        check("canceled", Standing::Over);
        check("dormant", Standing::Unclear);
    }

    #[test]
    fn what_is_paused_or_given_up_by_stripe_is_not_paid_and_not_ended() {
        let check = |status, changes: Value, expected| {
            let billing = Billing::after(None, &subscription(status, &changes), GRACE, NOW);
            assert_eq!(billing.standing(NOW), expected, "{status} {changes}");
        };
        let paused = json!({ "pause_collection": { "behavior": "void", "resumes_at": null } });
        check("active", paused.clone(), Standing::Paused);
        check("past_due", paused.clone(), Standing::Paused);
        check("canceled", paused, Standing::Over);
        let because = |reason: &str| json!({ "cancellation_details": { "reason": reason } });
        check("canceled", because("payment_failed"), Standing::Stopped);
        check("canceled", because("cancellation_requested"), Standing::Over);
        check("canceled", because("payment_disputed"), Standing::Over);
    }

    #[test]
    fn grace_is_granted_once_and_again_only_after_a_payment() {
        let later = NOW.after(Duration::from_secs(86_400));
        let next = |before: &Billing, status, now| {
            Billing::after(Some(before), &subscription(status, &json!({})), GRACE, now)
        };
        let failed = first("past_due");
        let again = next(&failed, "past_due", later);
        assert_eq!(again.grace_until, failed.grace_until);
        assert_eq!(again.standing(NOW.after(GRACE)), Standing::Stopped);
        assert_eq!(next(&failed, "dormant", later).grace_until, failed.grace_until);
        let given_up = next(&failed, "unpaid", later);
        assert_eq!(given_up.standing(later), Standing::Stopped);
        let paid = next(&given_up, "active", later);
        assert_eq!((paid.grace_until, paid.standing(later)), (None, Standing::Good));
        assert_eq!(next(&paid, "past_due", later).grace_until, Some(later.after(GRACE)));
    }

    #[test]
    fn an_arranged_end_is_seen_in_both_its_forms() {
        let check = |changes: Value, expected: Option<u64>| {
            let billing = Billing::after(None, &subscription("active", &changes), GRACE, NOW);
            assert_eq!(billing.cancel_at, expected.map(Moment::from_seconds), "{changes}");
            assert_eq!(billing.standing(NOW), Standing::Good, "paid for until then");
        };
        check(json!({}), None);
        check(json!({ "cancel_at": 1_766_000_000 }), Some(1_766_000_000));
        check(json!({ "cancel_at_period_end": true }), Some(1_766_392_000));
        let both = json!({ "cancel_at": 1_766_392_000, "cancel_at_period_end": true });
        check(both, Some(1_766_392_000));
    }
}
