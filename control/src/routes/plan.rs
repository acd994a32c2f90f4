//! What to send an edge next. Pure: its state and our log in, a call out.

use std::collections::HashSet;

use shared::wire::ChangesRequest;
use shared::{Checksum, Generation};

use crate::store::LoggedChange;

/// Most changes in one call: about 300 KB.
pub const BATCH: u32 = 1_000;

/// No edge can honestly be here: at a million changes a second it takes a century.
const ABSURD: Generation = Generation(1 << 52);

/// What we believe an edge has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Belief {
    /// Not asked yet, or something went wrong since.
    Unknown,
    At {
        generation: Generation,
        checksum: Checksum,
    },
    /// It has something else than we thought; only the whole table helps.
    Astray {
        generation: Generation,
    },
}

/// Where our table stands, and how far back its log reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Log {
    pub generation: Generation,
    pub checksum: Checksum,
    /// The oldest generation from which the log leads to the present one.
    pub oldest: Generation,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// Ask what it has.
    Look,
    /// It has what we have.
    Nothing,
    SendChanges {
        base: Generation,
    },
    SendTable,
    /// Make our generation larger than this one, then look again.
    JumpAbove(Generation),
    /// It claims a generation that nobody could have made.
    Refuse(Generation),
}

pub fn next(belief: &Belief, log: &Log) -> Call {
    let generation = match belief {
        Belief::Unknown => return Call::Look,
        Belief::At { generation, .. } | Belief::Astray { generation } => *generation,
    };
    if generation > ABSURD {
        return Call::Refuse(generation);
    }
    if generation > log.generation {
        // Our database was restored from before the edge's present state.
        return Call::JumpAbove(generation);
    }
    match belief {
        Belief::At { checksum, .. } if generation == log.generation => {
            if *checksum == log.checksum { Call::Nothing } else { Call::JumpAbove(generation) }
        }
        Belief::At { .. } if generation >= log.oldest => Call::SendChanges { base: generation },
        // A table of the same generation as the edge's could be taken for a repetition.
        Belief::Astray { .. } if generation == log.generation => Call::JumpAbove(generation),
        _ => Call::SendTable,
    }
}

/// As many of `steps` as fit in one call: each subject once, all of them in order.
///
/// `None` when there is no step.
pub fn batch(base: Generation, steps: Vec<LoggedChange>) -> Option<ChangesRequest> {
    let mut subjects = HashSet::new();
    let steps: Vec<LoggedChange> =
        steps.into_iter().take_while(|step| subjects.insert(step.change.subject())).collect();
    let last = steps.last()?;
    Some(ChangesRequest {
        base,
        generation: last.generation,
        checksum: Some(last.checksum),
        changes: steps.into_iter().map(|step| step.change).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::Change;

    fn sum(number: u128) -> Checksum {
        Checksum::parse(&format!("{number:032x}")).unwrap()
    }

    /// Our table is at generation 50 with checksum 7; the log reaches back to 40.
    fn check(belief: Belief, expected: Call) {
        let log = Log { generation: Generation(50), checksum: sum(7), oldest: Generation(40) };
        assert_eq!(next(&belief, &log), expected, "{belief:?}");
    }

    fn at(generation: u64, checksum: u128) -> Belief {
        Belief::At { generation: Generation(generation), checksum: sum(checksum) }
    }

    fn astray(generation: u64) -> Belief {
        Belief::Astray { generation: Generation(generation) }
    }

    #[test]
    fn an_edge_gets_what_it_lacks() {
        check(Belief::Unknown, Call::Look);
        check(at(50, 7), Call::Nothing);
        check(at(49, 1), Call::SendChanges { base: Generation(49) });
        check(at(40, 1), Call::SendChanges { base: Generation(40) });
        check(at(39, 1), Call::SendTable);
        check(at(0, 0), Call::SendTable);
    }

    #[test]
    fn an_edge_that_is_ahead_makes_us_jump() {
        check(at(51, 7), Call::JumpAbove(Generation(51)));
        check(astray(51), Call::JumpAbove(Generation(51)));
        check(at(u64::MAX, 7), Call::Refuse(Generation(u64::MAX)));
    }

    #[test]
    fn an_edge_that_went_astray_gets_the_whole_table_under_a_new_number() {
        check(at(50, 8), Call::JumpAbove(Generation(50)));
        check(astray(50), Call::JumpAbove(Generation(50)));
        check(astray(45), Call::SendTable);
    }

    fn step(generation: u64, change: Change) -> LoggedChange {
        let checksum = sum(u128::from(generation));
        LoggedChange { generation: Generation(generation), checksum, change }
    }

    #[test]
    fn a_batch_touches_each_subject_once() {
        let remove = |name: &str| Change::Remove(name.parse().unwrap());
        let steps = vec![
            step(41, remove("ada")),
            step(42, remove("bob")),
            step(43, remove("ada")),
            step(44, remove("eve")),
        ];
        let request = batch(Generation(40), steps).unwrap();
        assert_eq!(request.generation, Generation(42));
        assert_eq!(request.checksum, Some(sum(42)));
        assert_eq!(request.changes, [remove("ada"), remove("bob")]);
        assert!(batch(Generation(40), vec![]).is_none());
    }
}
