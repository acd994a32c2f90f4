//! A step of a task: begun, done once, and remembered.

use serde_json::Value;

use super::kinds::Kind;
use crate::base::clock::Moment;
use crate::base::text_enum::text_enum;

#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub name: String,
    /// In the order in which its kind declares them.
    pub position: u32,
    pub state: StepState,
    pub attempts: u32,
    /// What it found out, once it is done.
    pub result: Option<Value>,
    /// Why its last attempt did not finish it.
    pub error: Option<String>,
    /// When its first attempt began.
    pub started: Option<Moment>,
    /// When its last attempt ended.
    pub finished: Option<Moment>,
}

text_enum! {
    pub enum StepState or "not a state of a step" {
        Waiting = "waiting",
        Running = "running",
        Done = "done",
        Failed = "failed",
    }
}

/// Those that were begun, and after them those that are still to come.
pub fn with_those_to_come(kind: Kind, begun: Vec<Step>) -> Vec<Step> {
    let mut steps = begun;
    for (name, position) in kind.spec().steps.iter().zip(0..) {
        if !steps.iter().any(|step| step.name == name.as_str()) {
            steps.push(Step {
                name: name.as_str().to_owned(),
                position,
                state: StepState::Waiting,
                attempts: 0,
                result: None,
                error: None,
                started: None,
                finished: None,
            });
        }
    }
    steps.sort_by_key(|step| step.position);
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_that_nobody_began_are_shown_in_their_places() {
        let mut begun = with_those_to_come(Kind::Recycle, Vec::new());
        begun.retain(|step| step.name == "stop");
        begun[0].state = StepState::Done;
        let all = with_those_to_come(Kind::Recycle, begun);
        let seen: Vec<_> = all.iter().map(|step| (step.name.as_str(), step.state)).collect();
        let waiting = StepState::Waiting;
        let expected = [
            ("cut", waiting),
            ("stop", StepState::Done),
            ("wipe", waiting),
            ("destroy", waiting),
            ("free", waiting),
        ];
        assert_eq!(seen, expected);
    }
}
