//! Every check, what is done when it is not well, and why.

use crate::model::healing::{Action, Check, Phase};
use crate::model::task::Kind;

pub const PROVIDER: &str = "provider";
pub const POOL: &str = "pool";
pub const EDGES: &str = "edges";
pub const STALE: &str = "stale";
pub const DATABASE: &str = "database";
pub const DISK: &str = "disk";
pub const VENDORS: &str = "vendors";
pub const SERVICES: &str = "services";
pub const ROUTE: &str = "route";
pub const MAIL: &str = "mail";
pub const REFILL: &str = "pool_refill";

const BOTH: &[Kind] = &[Kind::Provision, Kind::Recycle];
const PROVISION: &[Kind] = &[Kind::Provision];

/// In the order in which they are made.
pub static CHECKS: [Check; 11] = [
    Check {
        name: DATABASE,
        phase: Phase::Pre,
        kinds: BOTH,
        looks: "the database takes writes",
        action: Action::Note,
        heals: "the task waits",
        why: "what is done and cannot be noted is done again",
        hourly_limit: 0,
    },
    Check {
        name: PROVIDER,
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
        name: STALE,
        phase: Phase::Pre,
        kinds: BOTH,
        looks: "no task has been worked at for more than 60 minutes",
        action: Action::Fix,
        heals: "it is given up, and told to a person",
        why: "it holds a slot that others wait for",
        hourly_limit: 20,
    },
    Check {
        name: POOL,
        phase: Phase::Pre,
        kinds: PROVISION,
        looks: "a machine stands ready, or is coming",
        action: Action::Patch,
        heals: "one is prepared now",
        why: "the customer has paid",
        hourly_limit: 10,
    },
    Check {
        name: EDGES,
        phase: Phase::Pre,
        kinds: BOTH,
        looks: "every edge that is up serves the present routes",
        action: Action::Patch,
        heals: "the routes are published again",
        why: "the task's own change comes after those that are missing",
        hourly_limit: 60,
    },
    Check {
        name: DISK,
        phase: Phase::Pre,
        kinds: BOTH,
        looks: "the database's disk has room",
        action: Action::Note,
        heals: "it is noted, and holds nothing back",
        why: "on a full disk nothing is written down",
        hourly_limit: 0,
    },
    Check {
        name: VENDORS,
        phase: Phase::Pre,
        kinds: BOTH,
        looks: "no letter and nothing of Stripe's waits after a try that failed",
        action: Action::Note,
        heals: "it is noted, and holds nothing back",
        why: "what the customer is told comes late while Resend or Stripe is away",
        hourly_limit: 0,
    },
    Check {
        name: SERVICES,
        phase: Phase::Post,
        kinds: PROVISION,
        looks: "the agent and its gateway say that all is well",
        action: Action::Fix,
        heals: "the service is registered and started anew",
        why: "the provider keeps up only what it knows",
        hourly_limit: 20,
    },
    Check {
        name: ROUTE,
        phase: Phase::Post,
        kinds: PROVISION,
        looks: "every edge that is up leads a visitor to the workspace",
        action: Action::Fix,
        heals: "the edges are compared with the table anew",
        why: "the customer is told the address by mail",
        hourly_limit: 60,
    },
    Check {
        name: MAIL,
        phase: Phase::Post,
        kinds: PROVISION,
        looks: "the welcome mail is sent, or on its way",
        action: Action::Fix,
        heals: "it is tried again",
        why: "without it the customer does not know how to come in",
        hourly_limit: 20,
    },
    Check {
        name: REFILL,
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
    fn every_check_has_a_name_of_its_own_and_says_why() {
        let mut names: Vec<_> = CHECKS.iter().map(|check| check.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), CHECKS.len());
        assert!(CHECKS.iter().all(|it| !it.why.is_empty() && !it.heals.is_empty()));
    }

    #[test]
    fn the_end_of_a_workspace_waits_for_no_provider() {
        let provider = CHECKS.iter().find(|check| check.name == PROVIDER).unwrap();
        assert!(!provider.kinds.contains(&Kind::Recycle));
    }
}
