//! Decides how a new base comes to the machines that there are: tried first, then one
//! workspace, then tenths of them, and no further when too many go back.
//!
//! Pure: counts in, one decision out. `machines/fleet` carries it out.

use serde::{Deserialize, Serialize};
use shared::Username;
use utoipa::ToSchema;

use crate::base::clock::Moment;
use crate::base::text_enum::text_enum;
use crate::model::task::TaskId;

text_enum! {
    /// Where a base stands.
    #[derive(Serialize, Deserialize, ToSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum Trial or "not a state of a base" {
        /// One machine is made with it, and proves it. Nobody else gets it.
        Trying = "trying",
        /// The pool takes it, and workspaces are brought to it.
        Accepted = "accepted",
        /// It failed its trial, or too many workspaces went back from it.
        Refused = "refused",
    }
}

/// A base that was wanted at some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FleetBase {
    /// Its hash.
    pub base: String,
    /// Of OpenClaw in it.
    pub version: String,
    pub trial: Trial,
    /// Why it was refused.
    pub why: Option<String>,
    pub changed: Moment,
}

text_enum! {
    /// What became, or becomes, of one workspace.
    #[derive(Serialize, Deserialize, ToSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum UpdateState or "not a state of an update" {
        Updating = "updating",
        Updated = "updated",
        /// It was being used for too long, and comes again when others have had their turn.
        PutOff = "put_off",
        /// It has what it had before, and is left with it.
        WentBack = "went_back",
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkspaceUpdate {
    pub username: Username,
    pub state: UpdateState,
    /// Why it went back, or was put off.
    pub why: Option<String>,
    pub task: TaskId,
    pub changed: Moment,
}

/// How the workspaces stand to the wanted base.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fleet {
    /// Have another base, and were not tried with this one.
    pub waiting: u64,
    pub updating: u64,
    pub updated: u64,
    /// Were tried with it, and have what they had before.
    pub went_back: u64,
    /// Of those that wait or are updating: were put off before.
    pub put_off: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    Nothing,
    Try,
    /// There is nothing that could be harmed.
    Accept,
    /// Begin with so many more workspaces.
    Update(u64),
    /// It is no good, although its trial went well.
    Refuse,
}

/// One in so many workspaces is updated at once.
const SHARE: u64 = 10;

/// So many that went back may be their own fault; a larger number is judged by its share.
const WENT_BACK_MIN: u64 = 3;

/// More than one in so many that went back is the base's fault. One in ten is not.
const WENT_BACK_SHARE: u64 = 5;

impl Fleet {
    fn all(&self) -> u64 {
        self.waiting + self.updating + self.updated + self.went_back
    }

    /// Whether everybody had their turn, and who is left was being used.
    pub fn is_through(&self) -> bool {
        self.waiting + self.updating == self.put_off
    }
}

/// `trial` is `None` for a base that was not heard of before; `is_first` when no other was.
pub fn next(trial: Option<Trial>, fleet: Fleet, is_paused: bool, is_first: bool) -> Next {
    match trial {
        None if is_first && fleet.all() == 0 => Next::Accept,
        _ if is_paused => Next::Nothing,
        None => Next::Try,
        Some(Trial::Trying | Trial::Refused) => Next::Nothing,
        Some(Trial::Accepted) => spread(fleet),
    }
}

fn spread(fleet: Fleet) -> Next {
    let tried = fleet.updated + fleet.went_back;
    if fleet.went_back >= WENT_BACK_MIN && fleet.went_back * WENT_BACK_SHARE > tried {
        return if fleet.waiting > 0 { Next::Refuse } else { Next::Nothing };
    }
    let at_once = if fleet.updated == 0 { 1 } else { fleet.all().div_ceil(SHARE) };
    match fleet.waiting.min(at_once.saturating_sub(fleet.updating)) {
        0 => Next::Nothing,
        more => Next::Update(more),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_first_then_tenths() {
        let check = |waiting, updating, updated, went_back, expected| {
            let fleet = Fleet { waiting, updating, updated, went_back, put_off: 0 };
            let seen = next(Some(Trial::Accepted), fleet, false, false);
            assert_eq!(seen, expected, "{fleet:?}");
        };
        check(100, 0, 0, 0, Next::Update(1));
        check(99, 1, 0, 0, Next::Nothing);
        check(99, 0, 1, 0, Next::Update(10));
        check(90, 9, 1, 0, Next::Update(1));
        check(3, 0, 97, 0, Next::Update(3));
        check(0, 0, 100, 0, Next::Nothing);
        // Its own fault, perhaps; the next one is alone again.
        check(99, 0, 0, 1, Next::Update(1));
        check(97, 0, 0, 3, Next::Refuse);
        check(50, 0, 40, 10, Next::Update(10));
        check(50, 0, 39, 11, Next::Refuse);
        check(0, 0, 79, 21, Next::Nothing);
    }

    #[test]
    fn a_base_is_tried_before_anybody_gets_it_unless_there_is_nobody() {
        let some = Fleet { waiting: 100, ..Fleet::default() };
        assert_eq!(next(None, some, false, true), Next::Try);
        assert_eq!(next(None, Fleet::default(), false, false), Next::Try);
        assert_eq!(next(None, Fleet::default(), true, true), Next::Accept);
        for trial in [None, Some(Trial::Trying), Some(Trial::Refused), Some(Trial::Accepted)] {
            assert_eq!(next(trial, some, true, false), Next::Nothing, "paused: {trial:?}");
        }
        assert_eq!(next(Some(Trial::Trying), some, false, false), Next::Nothing);
        assert_eq!(next(Some(Trial::Refused), some, false, false), Next::Nothing);
    }

    /// A fleet of 100, of which each update ends as `fails` says of its number.
    fn play(fails: impl Fn(u64) -> bool) -> (Fleet, Vec<u64>, bool) {
        let mut fleet = Fleet { waiting: 100, ..Fleet::default() };
        let (mut begun, mut rounds) = (0, Vec::new());
        loop {
            match next(Some(Trial::Accepted), fleet, false, false) {
                Next::Update(more) => {
                    rounds.push(more);
                    fleet.waiting -= more;
                    for number in begun..begun + more {
                        let end =
                            if fails(number) { &mut fleet.went_back } else { &mut fleet.updated };
                        *end += 1;
                    }
                    begun += more;
                }
                Next::Refuse => return (fleet, rounds, true),
                _ => return (fleet, rounds, false),
            }
        }
    }

    #[test]
    fn a_version_that_fails_on_every_tenth_goes_to_the_others_and_a_bad_one_to_nobody() {
        let (fleet, rounds, is_refused) = play(|number| number % 10 == 9);
        let expected = Fleet { updated: 90, went_back: 10, ..Fleet::default() };
        assert_eq!((fleet, is_refused), (expected, false));
        assert_eq!(rounds, [1, 10, 10, 10, 10, 10, 10, 10, 10, 10, 9]);

        let (fleet, rounds, is_refused) = play(|_| true);
        let expected = Fleet { waiting: 97, went_back: 3, ..Fleet::default() };
        assert_eq!((fleet, rounds, is_refused), (expected, vec![1, 1, 1], true));
    }
}
