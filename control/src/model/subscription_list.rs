//! Stripe's list of subscriptions beside the workspaces here. Pure.
//!
//! The list decides nothing. Whatever differs is looked at by itself, and follows from how
//! that one stands: a list that is empty, half or of another account costs questions.

use std::collections::HashMap;
use std::time::Duration;

use crate::base::clock::Moment;
use vendors::stripe::Subscription;
use vendors::stripe::id::SubscriptionId;
use vendors::stripe::subscription::SubscriptionStatus;

/// How old a subscription is before a workspace is missed: its payment is told of within
/// seconds, and looked at again by the page that the customer comes back to.
const NEWNESS: Duration = Duration::from_secs(10 * 60);

/// What is known here of the workspace of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Served {
    /// It has ended, or is being taken down.
    pub is_over: bool,
    /// Its subscription was over when Stripe was asked last.
    pub is_known_over: bool,
}

/// The workspaces here, from which each subscription that is listed is taken off.
#[derive(Debug)]
pub struct Comparison {
    unseen: HashMap<SubscriptionId, Served>,
    served: u64,
    listed: u64,
    now: Moment,
    findings: Findings,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Charged at Stripe, and no workspace here is of them.
    pub strangers: Vec<SubscriptionId>,
    /// Charged at Stripe although their workspaces have ended.
    pub outliving: Vec<SubscriptionId>,
    /// Of workspaces that are open here, and not in the list.
    pub lacking: Vec<SubscriptionId>,
}

/// How the last comparison came out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Compared {
    /// When the list was last read as a whole.
    pub whole: Option<Moment>,
    pub listed: u64,
    pub served: u64,
    pub strangers: u64,
    pub lacking: u64,
    /// Why it could not be read the last time.
    pub error: Option<String>,
}

impl Comparison {
    pub fn new(workspaces: HashMap<SubscriptionId, Served>, now: Moment) -> Self {
        let served = workspaces.values().filter(|it| !it.is_over && !it.is_known_over).count();
        Self {
            served: u64::try_from(served).unwrap_or(u64::MAX),
            unseen: workspaces,
            listed: 0,
            now,
            findings: Findings::default(),
        }
    }

    /// Takes a subscription of the list; `is_ours` says whether it is to what is sold here.
    pub fn see(&mut self, subscription: &Subscription, is_ours: bool) {
        match self.unseen.remove(&subscription.id) {
            Some(served) => {
                self.listed += 1;
                if served.is_over && is_charged(&subscription.status) {
                    self.findings.outliving.push(subscription.id.clone());
                }
            }
            None if is_ours && is_charged(&subscription.status) => {
                self.listed += 1;
                let created = Moment::from_seconds(subscription.created);
                if self.now.since(created) >= NEWNESS {
                    self.findings.strangers.push(subscription.id.clone());
                }
            }
            None => {}
        }
    }

    /// Takes one off that is in the list, and of which nothing more can be read.
    pub fn see_unreadable(&mut self, id: &SubscriptionId) {
        self.unseen.remove(id);
    }

    /// What differs, once the list was read to its end; how much of that remains is known when
    /// it was looked at.
    pub fn finish(mut self) -> (Findings, Compared) {
        let missed = self.unseen.iter().filter(|(_, it)| !it.is_over && !it.is_known_over);
        self.findings.lacking = missed.map(|(id, _)| id.clone()).collect();
        self.findings.lacking.sort_unstable();
        let compared = Compared {
            whole: Some(self.now),
            listed: self.listed,
            served: self.served,
            ..Compared::default()
        };
        (self.findings, compared)
    }
}

/// Whether money is, or is to be, taken for it. A word that nobody knows counts.
fn is_charged(status: &SubscriptionStatus) -> bool {
    !status.is_terminal() && *status != SubscriptionStatus::Incomplete
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const NOW: Moment = Moment::from_seconds(1_800_000_000);
    const OPEN: Served = Served { is_over: false, is_known_over: false };
    const OVER: Served = Served { is_over: true, is_known_over: true };

    fn listed(id: &str, status: &str, age_seconds: u64) -> Subscription {
        let text = include_str!("../../tests/stripe-samples/api_subscription_active.json");
        let mut body: Value = serde_json::from_str(text).unwrap();
        body["id"] = json!(id);
        body["status"] = json!(status);
        body["created"] = json!(NOW.seconds() - age_seconds);
        serde_json::from_value(body).unwrap()
    }

    fn compare(ours: &[(&str, Served)], list: &[(Subscription, bool)]) -> (Findings, Compared) {
        let id = |id: &str| SubscriptionId::parse(id).unwrap();
        let ours = ours.iter().map(|(name, served)| (id(name), *served)).collect();
        let mut comparison = Comparison::new(ours, NOW);
        for (subscription, is_ours) in list {
            comparison.see(subscription, *is_ours);
        }
        comparison.finish()
    }

    fn names(list: &[SubscriptionId]) -> Vec<&str> {
        list.iter().map(SubscriptionId::as_str).collect()
    }

    #[test]
    fn what_only_one_side_knows_is_found() {
        let list = [
            (listed("sub_both", "active", 9_000), true),
            (listed("sub_stranger", "past_due", 9_000), true),
            (listed("sub_elsewhere", "active", 9_000), false),
            (listed("sub_new", "active", 9), true),
            (listed("sub_begun", "incomplete", 9_000), true),
            (listed("sub_outliving", "active", 9_000), true),
        ];
        let ours = [("sub_both", OPEN), ("sub_lacking", OPEN), ("sub_outliving", OVER)];
        let (findings, compared) = compare(&ours, &list);
        assert_eq!(names(&findings.strangers), ["sub_stranger"]);
        assert_eq!(names(&findings.outliving), ["sub_outliving"]);
        assert_eq!(names(&findings.lacking), ["sub_lacking"]);
        assert_eq!((compared.served, compared.listed), (2, 4));
    }

    #[test]
    fn what_is_over_on_both_sides_is_missed_by_nobody() {
        let given_up = Served { is_over: false, is_known_over: true };
        let (findings, compared) = compare(&[("sub_1", OVER), ("sub_2", given_up)], &[]);
        assert_eq!(findings, Findings::default());
        assert_eq!(compared.served, 0);
    }
}
