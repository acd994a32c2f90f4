//! What is known of an edge: for the operator, for metrics, and for whoever waits
//! until a change is served.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use shared::Generation;
use shared::wire::Applied;
use utoipa::ToSchema;

use crate::base::clock::Moment;

/// Answered pushes that are remembered, so that whoever waited learns what was cut.
const PUSHES: usize = 256;

/// Everything known of one edge. `attempts` and `failed_attempt` count from one.
#[derive(Debug, Clone, Default)]
pub struct EdgeStatus {
    /// What it says it serves.
    pub generation: Option<Generation>,
    /// What it serves for certain: pushed by us, or with the checksum of our table.
    ///
    /// After a database was restored, an edge's number can be one of another history.
    pub proven: Generation,
    /// Calls that were begun.
    pub attempts: u64,
    /// The latest call that failed.
    pub failed_attempt: u64,
    /// Why the latest call failed; `None` once one succeeded.
    pub error: Option<String>,
    pub heard: Option<Moment>,
    /// The number of what it was told last before the database, and what that ended.
    pub(super) told: Option<(u64, Applied)>,
    pushes: VecDeque<Push>,
}

#[derive(Debug, Clone, Copy)]
struct Push {
    base: Option<Generation>,
    applied: Applied,
}

/// Whether an edge shows the certificates that were last handed out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum CertificateStanding {
    /// Nothing was handed out yet, or it did not answer yet.
    #[default]
    Unknown,
    /// It ends no TLS: whoever stands in front of it does.
    NotWanted,
    Shown,
    /// It goes on with those it has; why it does not take ours.
    Lacking(String),
}

/// How a change fared at one edge, as a route call answers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Acknowledgement {
    pub name: String,
    /// What it serves now, as far as we know.
    #[schema(value_type = Option<u64>)]
    pub generation: Option<Generation>,
    pub acknowledged: bool,
    pub sockets_cut: u64,
    pub requests_cut: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub error: Option<String>,
}

impl EdgeStatus {
    pub fn serves(&self, generation: Generation) -> bool {
        self.proven >= generation
    }

    pub(super) fn pushed(&mut self, base: Option<Generation>, applied: Applied) {
        self.pushes.push_back(Push { base, applied });
        if self.pushes.len() > PUSHES {
            self.pushes.pop_front();
        }
    }

    pub(super) fn was_told(&self, number: u64) -> bool {
        self.told.is_some_and(|(last, _)| last >= number)
    }

    /// As [`Self::acknowledgement`], of what the database does not know yet.
    pub(super) fn acknowledgement_of_telling(&self, name: &str, number: u64) -> Acknowledgement {
        let applied = self.told.filter(|(last, _)| *last == number).map(|(_, applied)| applied);
        self.acknowledged(name, self.was_told(number), applied)
    }

    pub(super) fn acknowledgement(&self, name: &str, generation: Generation) -> Acknowledgement {
        let push = self.pushes.iter().find(|push| push.brought(generation)).map(|it| it.applied);
        self.acknowledged(name, self.serves(generation), push)
    }

    /// `applied`: the call that brought it, where that is known.
    fn acknowledged(
        &self,
        name: &str,
        acknowledged: bool,
        applied: Option<Applied>,
    ) -> Acknowledgement {
        Acknowledgement {
            name: name.to_owned(),
            generation: self.generation,
            acknowledged,
            sockets_cut: applied.map_or(0, |applied| applied.sockets_cut),
            requests_cut: applied.map_or(0, |applied| applied.requests_cut),
            error: self.error.clone().filter(|_| !acknowledged),
        }
    }
}

impl Push {
    fn brought(&self, generation: Generation) -> bool {
        self.base.is_none_or(|base| base < generation) && self.applied.generation >= generation
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_cut_is_told_with_the_push_that_brought_the_change() {
        let mut status = EdgeStatus { proven: Generation(9), ..EdgeStatus::default() };
        let applied = |generation, sockets_cut| Applied {
            generation: Generation(generation),
            sockets_cut,
            requests_cut: 0,
            durable: true,
        };
        status.pushed(Some(Generation(3)), applied(5, 50));
        status.pushed(Some(Generation(5)), applied(9, 90));
        let check = |generation, acknowledged, sockets_cut| {
            let seen = status.acknowledgement("edge", Generation(generation));
            assert_eq!((seen.acknowledged, seen.sockets_cut), (acknowledged, sockets_cut));
        };
        check(3, true, 0);
        check(4, true, 50);
        check(5, true, 50);
        check(6, true, 90);
        check(10, false, 0);
    }
}
