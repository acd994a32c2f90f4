//! Compares the provider's list with ours. Pure: two lists in, findings out.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use crate::base::clock::Moment;
use crate::model::pool::{Labels, PoolSprite, SpriteState};
use crate::model::task::{Task, TaskId};
use vendors::sprites::{Sprite, SpriteName};

/// How long a preparation must be over before what it left behind is destroyed.
///
/// Long beside any clock's error, and a person who looks for a reason has the time.
const ORPHAN_AGE: Duration = Duration::from_secs(3_600);

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// VMs with our prefix that no row knows.
    pub orphans: Vec<Orphan>,
    /// Rows whose VM should be there and is not in the list.
    pub absent: Vec<SpriteName>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphan {
    pub name: SpriteName,
    /// The task that made it, by its labels; `None` when it was not one of this installation.
    pub maker: Option<TaskId>,
}

/// `listed` is what the provider has under our prefix, `ours` all rows, read before it
/// was asked.
pub fn compare(listed: &[Sprite], ours: &[PoolSprite], labels: &Labels) -> Findings {
    let rows: HashSet<&str> = ours.iter().map(|row| row.name.as_str()).collect();
    let there: HashSet<&str> = listed.iter().map(|sprite| sprite.name.as_str()).collect();
    let strangers = listed.iter().filter(|sprite| !rows.contains(sprite.name.as_str()));
    let orphans = strangers.filter_map(|sprite| {
        let name = SpriteName::parse(sprite.name.as_str()).ok()?;
        name.as_str()
            .starts_with(&labels.beginning())
            .then(|| Orphan { name, maker: labels.maker(sprite.labels()) })
    });
    let absent = ours.iter().filter(|row| is_expected(row.state));
    let absent = absent.filter(|row| !there.contains(row.name.as_str()));
    Findings { orphans: orphans.collect(), absent: absent.map(|row| row.name.clone()).collect() }
}

/// One being prepared may not be made yet; one being destroyed may be gone already.
fn is_expected(state: SpriteState) -> bool {
    matches!(state, SpriteState::Available | SpriteState::Assigned)
}

/// May an orphan be destroyed? `maker` is the task that its labels name, if we know it.
///
/// Only where our own task made it, and has been over for long: its row went when the
/// VM was gone for certain, so this one was made twice or came back. One whose task
/// nobody knows may be a customer's, in a database restored from before they came.
pub fn may_destroy(maker: Option<&Task>, now: Moment) -> bool {
    let finished = maker.and_then(|task| task.finished);
    finished.is_some_and(|finished| now.since(finished) > ORPHAN_AGE)
}

/// What was seen in one round and in the round before: only that is believed.
#[derive(Debug, Default)]
pub struct Debounce(HashMap<SpriteName, Moment>);

impl Debounce {
    /// Takes what is seen now; returns what was seen before as well, since when.
    pub fn again(&mut self, seen: &[SpriteName], now: Moment) -> Vec<(SpriteName, Moment)> {
        let before = std::mem::take(&mut self.0);
        let since = |name: &SpriteName| before.get(name).copied();
        self.0 = seen.iter().map(|name| (name.clone(), since(name).unwrap_or(now))).collect();
        seen.iter().filter_map(|name| Some((name.clone(), since(name)?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::task::{Kind, TaskState};

    const NOW: Moment = Moment::from_seconds(1_800_000_000);

    fn listed(name: &str, labels: &[&str]) -> Sprite {
        serde_json::from_value(json!({ "name": name, "labels": labels })).unwrap()
    }

    fn row(name: &str, state: SpriteState) -> PoolSprite {
        PoolSprite {
            name: SpriteName::parse(name).unwrap(),
            state,
            upstream: None,
            base: String::new(),
            checkpoint: None,
            username: None,
            assignment: 0,
            task: None,
            proved: None,
            last_error: None,
            setbacks: 0,
            created: NOW,
            changed: NOW,
        }
    }

    fn names(names: &[SpriteName]) -> Vec<&str> {
        names.iter().map(SpriteName::as_str).collect()
    }

    #[test]
    fn what_only_one_side_knows_is_found() {
        let labels = Labels::new("arca", "0a1b2c3d");
        let ours = ["arcamatrix-0a1b2c3d", "prepare-20260214-a1b2c3d4"];
        let seen = [
            listed("arca-1", &ours),
            listed("arca-2", &ours),
            listed("arca-3", &["somebody"]),
            listed("arcade-4", &ours),
            listed("ARCA-5", &ours),
        ];
        let rows = [
            row("arca-1", SpriteState::Assigned),
            row("arca-6", SpriteState::Assigned),
            row("arca-7", SpriteState::Available),
            row("arca-8", SpriteState::Preparing),
            row("arca-9", SpriteState::Recycling),
            row("arca-0", SpriteState::Failed),
        ];
        let findings = compare(&seen, &rows, &labels);
        assert_eq!(names(&findings.absent), ["arca-6", "arca-7"]);
        let orphans: Vec<_> = findings
            .orphans
            .iter()
            .map(|orphan| (orphan.name.as_str(), orphan.maker.is_some()))
            .collect();
        assert_eq!(orphans, [("arca-2", true), ("arca-3", false)]);
    }

    #[test]
    fn only_what_a_task_of_ours_left_long_ago_may_be_destroyed() {
        let task = |finished: Option<u64>| Task {
            id: TaskId::parse("PREPARE-20260214-a1b2c3d4").unwrap(),
            kind: Kind::Prepare,
            dedupe: String::new(),
            username: None,
            payload: json!({}),
            state: if finished.is_some() { TaskState::Dead } else { TaskState::Running },
            attempts: 1,
            max_attempts: 3,
            run_at: NOW,
            due: NOW,
            last_error: None,
            created: NOW,
            changed: NOW,
            finished: finished.map(|ago| NOW.before(Duration::from_secs(ago))),
        };
        assert!(!may_destroy(None, NOW));
        assert!(!may_destroy(Some(&task(None)), NOW));
        assert!(!may_destroy(Some(&task(Some(3_600))), NOW));
        assert!(may_destroy(Some(&task(Some(3_601))), NOW));
    }

    #[test]
    fn what_was_seen_once_is_not_believed_yet() {
        let mut memory = Debounce::default();
        let [a, b] = ["a", "b"].map(|name| SpriteName::parse(name).unwrap());
        let later = NOW.after(Duration::from_secs(60));
        assert!(memory.again(&[a.clone(), b.clone()], NOW).is_empty());
        assert_eq!(memory.again(std::slice::from_ref(&a), later), [(a.clone(), NOW)]);
        assert_eq!(memory.again(&[a.clone(), b], later), [(a, NOW)]);
    }
}
