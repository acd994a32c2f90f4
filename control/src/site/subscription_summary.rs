//! What a customer pays for, as the account page says it. Pure.

use super::language::Language;
use super::words;
use super::words::account::{self, AccountText};
use crate::base::clock::Moment;
use crate::model::subscription::Standing;
use crate::model::workspace::{UnpaidTimes, Workspace};

#[derive(Debug, PartialEq, Eq)]
pub(super) struct SubscriptionSummary {
    pub(super) date_label: &'static str,
    pub(super) date: String,
    /// A renewal that failed, and what comes of it.
    pub(super) warning: Option<String>,
    pub(super) may_cancel: bool,
}

impl SubscriptionSummary {
    pub(super) fn of(
        workspace: &Workspace,
        times: &UnpaidTimes,
        language: Language,
        now: Moment,
    ) -> Self {
        let billing = &workspace.billing;
        let text = AccountText::of(language);
        let day = |moment| words::day(language, moment);
        let standing = billing.standing(now);
        let until = match standing {
            Standing::Grace { until } => Some(day(until)),
            _ => workspace.unpaid.map(|it| day(it.ends(times))),
        };
        let warning = account::warning(language, standing, until.as_deref());
        let (date_label, date) = match (billing.cancel_at, billing.period_end) {
            (Some(end), _) => (text.open_until, day(end)),
            (None, Some(next)) => (text.next_payment, day(next)),
            (None, None) => (text.next_payment, text.not_known.to_owned()),
        };
        let may_cancel = billing.cancel_at.is_none();
        Self { date_label, date, warning, may_cancel }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::sign_up::SignUpId;
    use crate::model::subscription::Billing;
    use crate::model::workspace::WorkspaceState;
    use crate::model::workspace::unpaid::{Unpaid, Warnings};
    use vendors::stripe::id::{CustomerId, SubscriptionId};
    use vendors::stripe::subscription::SubscriptionStatus;

    const NOW: Moment = Moment::from_seconds(1_800_000_000);
    const DAY: Duration = Duration::from_secs(86_400);

    fn of(status: SubscriptionStatus, change: impl FnOnce(&mut Workspace)) -> SubscriptionSummary {
        let in_days = |days: u32| Some(NOW.after(DAY * days));
        let grace_until = in_days(5).filter(|_| status == SubscriptionStatus::PastDue);
        let mut workspace = Workspace {
            username: "ada".parse().unwrap(),
            signup: SignUpId::random(),
            state: WorkspaceState::Live,
            payer: CustomerId::parse("cus_1").unwrap(),
            subscription: SubscriptionId::parse("sub_1").unwrap(),
            billing: Billing { status, period_end: in_days(20), cancel_at: None, grace_until },
            task: None,
            looks: 1,
            unpaid: None,
            end_reason: None,
            created: NOW,
            changed: NOW,
        };
        change(&mut workspace);
        let times = UnpaidTimes { keep: DAY * 30, first_warning: DAY * 14, last_warning: DAY * 3 };
        SubscriptionSummary::of(&workspace, &times, Language::English, NOW)
    }

    #[test]
    fn a_plan_says_when_it_is_paid_next_or_when_it_ends() {
        let plan = of(SubscriptionStatus::Active, |_| {});
        assert_eq!((plan.date_label, plan.date.as_str()), ("Next payment", "4 February 2027"));
        assert!(plan.may_cancel && plan.warning.is_none());
        let ending = of(SubscriptionStatus::Active, |it| {
            it.billing.cancel_at = it.billing.period_end;
        });
        assert_eq!(ending.date_label, "Cancelled, open until");
        assert!(!ending.may_cancel);
    }

    #[test]
    fn a_failed_renewal_is_told_with_what_comes_of_it() {
        let check = |plan: SubscriptionSummary, expected: &str| {
            let warning = plan.warning.unwrap();
            assert!(warning.contains(expected), "{warning}");
        };
        check(of(SubscriptionStatus::PastDue, |_| {}), "until 20 January 2027");
        check(of(SubscriptionStatus::Unpaid, |_| {}), "is kept. It opens again");
        let closed = Unpaid { since: NOW, warnings: Warnings::First, due: NOW.after(DAY * 11) };
        let unpaid = of(SubscriptionStatus::Unpaid, |it| it.unpaid = Some(closed));
        check(unpaid, "kept until 29 January 2027, and then deleted");
        check(of(SubscriptionStatus::Paused, |_| {}), "is paused: nothing is charged");
    }
}
