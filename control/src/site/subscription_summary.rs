//! What a customer pays for, as the account page says it. Pure.

use crate::base::clock::Moment;
use crate::base::date::Date;
use crate::model::subscription::{Billing, Standing};

#[derive(Debug, PartialEq, Eq)]
pub(super) struct SubscriptionSummary {
    pub(super) date_label: &'static str,
    pub(super) date: String,
    /// A renewal that failed, and what comes of it.
    pub(super) warning: Option<String>,
    pub(super) may_cancel: bool,
}

impl SubscriptionSummary {
    pub(super) fn of(billing: &Billing, now: Moment) -> Self {
        let day = |moment| Date::of(moment).to_string();
        let warning = match billing.standing(now) {
            Standing::Grace { until } => Some(format!(
                "Your last payment did not go through. Your workspace stays open until {}; \
                 repair the payment before then.",
                day(until)
            )),
            Standing::Stopped => Some(
                "Your last payment did not go through, and your workspace is paused. Everything \
                 in it is kept. It opens again as soon as the payment is repaired."
                    .to_owned(),
            ),
            _ => None,
        };
        let (date_label, date) = match (billing.cancel_at, billing.period_end) {
            (Some(end), _) => ("Cancelled, open until", day(end)),
            (None, Some(next)) => ("Next payment", day(next)),
            (None, None) => ("Next payment", "not known yet".to_owned()),
        };
        let may_cancel = billing.cancel_at.is_none();
        Self { date_label, date, warning, may_cancel }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vendors::stripe::subscription::SubscriptionStatus;

    const NOW: Moment = Moment::from_seconds(1_800_000_000);

    fn billing(status: SubscriptionStatus) -> Billing {
        let in_days = |days: u64| Some(Moment::from_seconds(NOW.seconds() + days * 86_400));
        let grace_until = in_days(5).filter(|_| status == SubscriptionStatus::PastDue);
        Billing { status, period_end: in_days(20), cancel_at: None, grace_until }
    }

    #[test]
    fn a_plan_says_when_it_is_paid_next_or_when_it_ends() {
        let active = billing(SubscriptionStatus::Active);
        let plan = SubscriptionSummary::of(&active, NOW);
        assert_eq!((plan.date_label, plan.date.as_str()), ("Next payment", "4 February 2027"));
        assert!(plan.may_cancel && plan.warning.is_none());
        let ending =
            SubscriptionSummary::of(&Billing { cancel_at: active.period_end, ..active }, NOW);
        assert_eq!(ending.date_label, "Cancelled, open until");
        assert!(!ending.may_cancel);
    }

    #[test]
    fn a_failed_renewal_is_told_with_what_comes_of_it() {
        let late = SubscriptionSummary::of(&billing(SubscriptionStatus::PastDue), NOW);
        assert!(late.warning.unwrap().contains("until 20 January 2027"));
        let stopped = SubscriptionSummary::of(&billing(SubscriptionStatus::Unpaid), NOW);
        assert!(stopped.warning.unwrap().contains("paused"));
    }
}
