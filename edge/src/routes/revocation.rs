//! Which connections a step ends.

use shared::{Route, Username};

use super::step::Step;
use crate::connections::Scope;

/// What `steps` end at `now` (unix seconds): nothing, when they only give access.
pub(super) fn scopes(steps: &[Step], now: u64) -> Vec<(Username, Scope)> {
    steps.iter().filter_map(|step| scope(step, now)).collect()
}

/// What of whom is cut by `step` at `now` (unix seconds); `None` when nobody notices it.
pub(crate) fn scope(step: &Step, now: u64) -> Option<(Username, Scope)> {
    match step {
        // Nobody was let in while there was no route.
        Step::Put { before: None, .. } | Step::Unlock { .. } => None,
        Step::Put { before: Some(before), after } => {
            replaced(before, after).map(|scope| (after.username, scope))
        }
        Step::Remove { before } => Some((before.username, Scope::Workspace)),
        Step::Lock { after, .. } if !after.holds_at(now) => None,
        Step::Lock { after, .. } => {
            Some((after.username, after.session.map_or(Scope::Workspace, Scope::Session)))
        }
    }
}

fn replaced(before: &Route, after: &Route) -> Option<Scope> {
    use shared::RouteState::{Live, Preparing, Suspended};
    match after.state {
        Preparing | Suspended => Some(Scope::Workspace),
        Live if before.machine() != after.machine() => Some(Scope::Workspace),
        Live if after.epoch > before.epoch => Some(Scope::EpochsBelow(after.epoch)),
        Live => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::samples::{lock, route};
    use shared::{Lock, RouteState, SessionId, SpriteId};
    use std::sync::Arc;

    const NOW: u64 = 1_000;

    fn check(step: &Step, expected: Option<Scope>) {
        assert_eq!(
            scope(step, NOW),
            expected.map(|scope| ("ada".parse().unwrap(), scope)),
            "{step:?}"
        );
    }

    #[test]
    fn a_change_of_a_route_cuts_what_it_ends() {
        let put = |change: fn(&mut Route)| {
            let mut after = route("ada");
            change(&mut after);
            Step::Put { before: Some(Arc::new(route("ada"))), after: Arc::new(after) }
        };
        let workspace = Some(Scope::Workspace);
        check(&Step::Put { before: None, after: Arc::new(route("ada")) }, None);
        check(&Step::Remove { before: Arc::new(route("ada")) }, workspace);
        check(&put(|route| route.state = RouteState::Suspended), workspace);
        check(&put(|route| route.state = RouteState::Preparing), workspace);
        check(&put(|route| route.upstream = "https://other.test".parse().unwrap()), workspace);
        check(&put(|route| route.sprite = SpriteId::parse("other").unwrap()), workspace);
        check(&put(|route| route.assignment += 1), workspace);
        check(&put(|route| route.epoch += 4), Some(Scope::EpochsBelow(5)));
        check(&put(|route| route.epoch = 0), None);
        check(
            &put(|route| {
                route.epoch += 1;
                route.assignment += 1;
            }),
            workspace,
        );
    }

    #[test]
    fn coming_back_from_suspension_cuts_nobody() {
        let before = Route { state: RouteState::Suspended, ..route("ada") };
        let step = Step::Put { before: Some(Arc::new(before)), after: Arc::new(route("ada")) };
        check(&step, None);
    }

    #[test]
    fn a_lock_cuts_what_it_refuses_now() {
        let session = SessionId::parse(&"1".repeat(32)).unwrap();
        let step = |after: Lock| Step::Lock { before: None, after };
        check(&step(lock("ada", None)), Some(Scope::Workspace));
        check(&step(lock("ada", Some(session))), Some(Scope::Session(session)));
        check(&step(Lock { until: Some(NOW + 1), ..lock("ada", None) }), Some(Scope::Workspace));
        check(&step(Lock { until: Some(NOW), ..lock("ada", None) }), None);
        check(&Step::Unlock { before: lock("ada", None) }, None);
    }
}
