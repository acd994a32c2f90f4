//! Every check, what is done when it is not well, and why.

use crate::model::healing::{Action, Check, CheckName, Phase};
use crate::model::task::Kind;

const BOTH: &[Kind] = &[Kind::Provision, Kind::Recycle];
const PROVISION: &[Kind] = &[Kind::Provision];

/// In the order in which they are made.
pub static CHECKS: [Check; CheckName::ALL.len()] = [
    Check {
        name: CheckName::Database,
        phase: Phase::Pre,
        kinds: BOTH,
        looks: "the database takes writes",
        action: Action::Note,
        heals: "the task waits",
        why: "what is done and cannot be noted is done again",
        hourly_limit: 0,
    },
    Check {
        name: CheckName::Provider,
        phase: Phase::Pre,
        // A workspace that has ended is closed at once, whether its machine can be
        // destroyed now or later.
        kinds: PROVISION,
        looks: "the provider answers",
        action: Action::Patch,
        heals: "the task waits: 10 s, 30 s, then 90 s each time",
        why: "an attempt without the provider fails, and counts",
        hourly_limit: 1_000,
    },
    Check {
        name: CheckName::Stale,
        phase: Phase::Pre,
        kinds: BOTH,
        looks: "no task has been worked at for more than 60 minutes",
        action: Action::Fix,
        heals: "it is given up, and told to a person",
        why: "it holds a slot that others wait for",
        hourly_limit: 20,
    },
    Check {
        name: CheckName::Pool,
        phase: Phase::Pre,
        kinds: PROVISION,
        looks: "a machine stands ready, or is coming",
        action: Action::Patch,
        heals: "one is prepared now",
        why: "the customer has paid",
        hourly_limit: 10,
    },
    Check {
        name: CheckName::Edges,
        phase: Phase::Pre,
        kinds: BOTH,
        looks: "every edge that is up serves the present routes",
        action: Action::Patch,
        heals: "the routes are published again",
        why: "the task's own change comes after those that are missing",
        hourly_limit: 60,
    },
    Check {
        name: CheckName::Target,
        phase: Phase::Pre,
        // The end of a workspace waits for no machine that does not answer: access goes first.
        kinds: PROVISION,
        looks: "the machine that was ready in an earlier attempt still is",
        action: Action::Fix,
        heals: "the service is registered and started anew",
        why: "the next attempt leads the customer to it",
        hourly_limit: 20,
    },
    Check {
        name: CheckName::Disk,
        phase: Phase::Pre,
        kinds: BOTH,
        looks: "the database's disk has room",
        action: Action::Note,
        heals: "it is noted, and holds nothing back",
        why: "on a full disk nothing is written down",
        hourly_limit: 0,
    },
    Check {
        name: CheckName::Vendors,
        phase: Phase::Pre,
        kinds: BOTH,
        looks: "no letter and nothing of Stripe's waits after a try that failed",
        action: Action::Note,
        heals: "it is noted, and holds nothing back",
        why: "what the customer is told comes late while Resend or Stripe is away",
        hourly_limit: 0,
    },
    Check {
        name: CheckName::Services,
        phase: Phase::Post,
        kinds: PROVISION,
        looks: "the agent and its gateway say that all is well",
        action: Action::Fix,
        heals: "the service is registered and started anew",
        why: "the provider keeps up only what it knows",
        hourly_limit: 20,
    },
    Check {
        name: CheckName::Route,
        phase: Phase::Post,
        kinds: PROVISION,
        looks: "every edge that is up leads a visitor to the workspace",
        action: Action::Fix,
        heals: "the edges are compared with the table anew",
        why: "the customer is told the address by mail",
        hourly_limit: 60,
    },
    Check {
        name: CheckName::Mail,
        phase: Phase::Post,
        kinds: PROVISION,
        looks: "the welcome mail is sent, or on its way",
        action: Action::Fix,
        heals: "it is tried again",
        why: "without it the customer does not know how to come in",
        hourly_limit: 20,
    },
    Check {
        name: CheckName::Refill,
        phase: Phase::Post,
        kinds: BOTH,
        looks: "as many machines as wanted stand ready or are coming",
        action: Action::Fix,
        heals: "the pool is expanded to two more than wanted",
        why: "a pool that ran short once does so again",
        hourly_limit: 6,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_stands_in_the_table_once_and_says_why() {
        assert_eq!(CHECKS.each_ref().map(|check| check.name), CheckName::ALL);
        assert!(CHECKS.iter().all(|it| !it.why.is_empty() && !it.heals.is_empty()));
    }

    #[test]
    fn the_end_of_a_workspace_waits_for_no_provider_and_no_machine() {
        for check in CHECKS.iter().filter(|check| check.kinds.contains(&Kind::Recycle)) {
            assert!(!matches!(check.name, CheckName::Provider | CheckName::Target), "{check:?}");
        }
    }
}
