//! What an edge knows that a backup does not. Pure: both tables in, differences out.
//!
//! A backup is of an hour ago, and whatever was taken away since then is open in it again. The
//! edges went on: the newest of them has every route and lock as they were last. Taking its
//! word closes what was closed, and leaves everybody else where they are.

use std::collections::BTreeMap;

use serde::Serialize;
use shared::{Lock, LockKey, Route, RouteState, Username};

/// How the backup and the edges disagree about one workspace, and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "difference")]
pub enum Difference {
    /// Signed out since: sessions under a smaller epoch stay over.
    SignedOut { username: Username, epoch: u64 },
    /// A workspace, or one session of it, was refused since: it stays refused.
    Locked { lock: Lock },
    /// Closed since: it stays closed until an operator opens it.
    Closed { username: Username },
    /// Nothing leads to it any more, so it has ended since: it stays closed.
    Gone { username: Username },
    /// It is on another machine since, or was handed out again: it stays where it is.
    Moved { route: Route },
    /// It came since, and nobody but the edges knows it: its way in stays.
    Newcomer { route: Route },
}

/// `now` is in unix seconds. In the order of names; what comes first is done first.
pub fn differences(
    ours: &[Route],
    our_locks: &[Lock],
    theirs: &[Route],
    their_locks: &[Lock],
    now: u64,
) -> Vec<Difference> {
    let by_name = |routes: &[Route]| -> BTreeMap<Username, Route> {
        routes.iter().map(|route| (route.username, route.clone())).collect()
    };
    let (ours, theirs) = (by_name(ours), by_name(theirs));
    let mut found = Vec::new();
    for (username, route) in &ours {
        match theirs.get(username) {
            None if route.state == RouteState::Suspended => {}
            None => found.push(Difference::Gone { username: *username }),
            Some(newer) => compare(route, newer, &mut found),
        }
    }
    let newcomers = theirs.values().filter(|route| !ours.contains_key(&route.username));
    found.extend(newcomers.map(|route| Difference::Newcomer { route: route.clone() }));
    let our_locks: BTreeMap<LockKey, &Lock> = our_locks.iter().map(|it| (it.key(), it)).collect();
    let locks = their_locks.iter().filter(|lock| lock.holds_at(now));
    let locks = locks.filter(|lock| our_locks.get(&lock.key()) != Some(lock));
    found.extend(locks.map(|lock| Difference::Locked { lock: lock.clone() }));
    found
}

fn compare(ours: &Route, theirs: &Route, found: &mut Vec<Difference>) {
    let Route { username, state, epoch, .. } = theirs;
    if theirs.machine() != ours.machine() {
        found.push(Difference::Moved { route: theirs.clone() });
    }
    if *epoch > ours.epoch {
        found.push(Difference::SignedOut { username: *username, epoch: *epoch });
    }
    if *state == RouteState::Suspended && ours.state != RouteState::Suspended {
        found.push(Difference::Closed { username: *username });
    }
}

impl std::fmt::Display for Difference {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::SignedOut { username, .. } => {
                write!(
                    formatter,
                    "{username} was signed out after the backup: its sessions stay over"
                )
            }
            Self::Locked { lock: Lock { username, session: None, .. } } => {
                write!(formatter, "{username} was locked after the backup: the lock stays")
            }
            Self::Locked { lock: Lock { username, .. } } => {
                write!(
                    formatter,
                    "a session of {username} was ended after the backup: it stays over"
                )
            }
            Self::Closed { username } => write!(
                formatter,
                "{username} was closed after the backup and stays closed; \
                 if it is paid for: control customers resume {username}"
            ),
            Self::Gone { username } => write!(
                formatter,
                "{username} ended after the backup and stays closed; Stripe's word ends it, or: \
                 control workspaces end {username}"
            ),
            Self::Moved { route } => write!(
                formatter,
                "{} went to the machine {} after the backup and stays there",
                route.username, route.sprite
            ),
            Self::Newcomer { route } => write!(
                formatter,
                "{} came after the backup and keeps its machine {}; its account is not known: \
                 find the payment at Stripe, then: control customers add {} <e-mail>",
                route.username, route.sprite, route.username
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(name: &str) -> Route {
        let upstream = format!("https://{name}-1.sprites.test").parse().unwrap();
        let sprite = shared::SpriteId::parse(&format!("{name}-1")).unwrap();
        Route { epoch: 3, ..Route::new(name.parse().unwrap(), upstream, sprite, 1) }
    }

    fn check(ours: Option<&Route>, theirs: Option<&Route>, expected: &[Difference]) {
        let [ours, theirs] = [ours, theirs].map(|route| Vec::from_iter(route.cloned()));
        assert_eq!(differences(&ours, &[], &theirs, &[], 100), expected);
    }

    #[test]
    fn what_is_the_same_is_no_difference() {
        check(Some(&route("ada")), Some(&route("ada")), &[]);
    }

    #[test]
    fn what_was_taken_away_since_stays_away() {
        let ada = route("ada");
        let username = ada.username;
        let later = Route { epoch: 5, ..ada.clone() };
        check(Some(&ada), Some(&later), &[Difference::SignedOut { username, epoch: 5 }]);
        let closed = Route { state: RouteState::Suspended, ..ada.clone() };
        check(Some(&ada), Some(&closed), &[Difference::Closed { username }]);
        check(Some(&ada), None, &[Difference::Gone { username }]);
        check(Some(&closed), None, &[]);
    }

    #[test]
    fn what_was_given_since_is_not_taken_from_anybody() {
        let ada = route("ada");
        let moved = Route { assignment: 2, ..ada.clone() };
        check(Some(&ada), Some(&moved), &[Difference::Moved { route: moved.clone() }]);
        check(None, Some(&ada), &[Difference::Newcomer { route: ada.clone() }]);
        // Ours is the newer word about an epoch, and about a workspace that is open again.
        check(Some(&Route { epoch: 9, ..ada.clone() }), Some(&ada), &[]);
    }

    #[test]
    fn a_lock_stays_as_long_as_it_holds() {
        let lock = |until| Lock { username: "ada".parse().unwrap(), session: None, until };
        let found = |theirs: Lock| differences(&[], &[lock(Some(150))], &[], &[theirs], 100);
        assert_eq!(found(lock(Some(150))), []);
        assert_eq!(found(lock(Some(100))), []);
        assert_eq!(found(lock(None)), [Difference::Locked { lock: lock(None) }]);
    }
}
