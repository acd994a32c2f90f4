//! The receipt for a workspace that has ended: what was deleted, when, and how that was
//! checked. Pure.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::Username;

use super::sign_up::SignUpId;
use super::task::Step;
use super::task::kinds::{RecycleWorkspace as Recycle, StepName};
use super::workspace::{EndReason, Workspace};
use crate::base::clock::Moment;
use crate::base::date::iso_time;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    pub signup: SignUpId,
    pub username: Username,
    pub reason: EndReason,
    pub lines: Vec<ReceiptLine>,
    pub created: Moment,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptLine {
    pub what: String,
    /// Unix seconds.
    pub at: u64,
    pub checked: String,
}

impl Receipt {
    /// `steps` are those of the task that took `workspace` down, which is over at `now`.
    pub fn of(workspace: &Workspace, steps: &[Step], now: Moment) -> Self {
        let machine = result(steps, Recycle::STOP, "sprite");
        let machine = machine.and_then(|name| name.as_str().map(str::to_owned));
        let complaint = result(steps, Recycle::STOP, "complaint").is_some();
        let generation = result(steps, Recycle::CUT, "generation");
        let line = |what: String, step, checked: String| {
            let at = find(steps, step).and_then(|step| step.finished).unwrap_or(now);
            ReceiptLine { what, at: at.seconds(), checked }
        };
        let mut lines = vec![line(
            "The way in is closed, and every connection ended".to_owned(),
            Recycle::CUT,
            generation.map_or_else(
                || "every edge that is up has said so".to_owned(),
                |generation| format!("every edge that is up serves generation {generation}"),
            ),
        )];
        if let Some(name) = machine {
            lines.push(line(
                format!("What ran in the machine {name} is stopped"),
                Recycle::STOP,
                if complaint {
                    "it did not stop in time, and ended with the machine".to_owned()
                } else {
                    "the provider has said so".to_owned()
                },
            ));
            let kept_until = result(steps, Recycle::WIPE, "kept_until").and_then(Value::as_u64);
            lines.push(match (result(steps, Recycle::WIPE, "proof"), kept_until) {
                (Some(proof), _) => line(
                    format!("The disk of the machine {name} is put back to what it was before"),
                    Recycle::WIPE,
                    proof_in_words(proof),
                ),
                (None, Some(until)) => line(
                    format!(
                        "The machine {name} is kept from everybody, and destroyed with its disk \
                         by {}",
                        iso_time(Moment::from_seconds(until))
                    ),
                    Recycle::WIPE,
                    "nobody is given it: a search could not prove that its disk is clean, and an \
                     operator looks at why"
                        .to_owned(),
                ),
                (None, None) => line(
                    format!("The machine {name} is destroyed, with its disk and its checkpoints"),
                    Recycle::DESTROY,
                    "the provider was asked twice, and has no such machine".to_owned(),
                ),
            });
        }
        lines.push(ReceiptLine {
            what: "The account is deleted: e-mail address, password, sessions and links".to_owned(),
            at: now.seconds(),
            checked: "together with this receipt, in one step of the database".to_owned(),
        });
        Self {
            signup: workspace.signup.clone(),
            username: workspace.username,
            reason: workspace.end_reason.unwrap_or(EndReason::Subscription),
            lines,
            created: now,
        }
    }
}

/// Of a machine that was wiped.
fn proof_in_words(proof: &Value) -> String {
    let number = |field: &str| proof[field].as_u64().unwrap_or(0);
    format!(
        "a search that had found marks planted in {} places found none of them afterwards, and \
         none of the workspace's keys; {} checkpoints and {} services are removed, and the files \
         are those from before",
        number("places"),
        number("checkpoints"),
        number("services")
    )
}

fn find(steps: &[Step], name: StepName) -> Option<&Step> {
    steps.iter().find(|step| step.name == name.as_str())
}

/// A field of what a step found out; `None` where it is not there, or null.
fn result<'a>(steps: &'a [Step], name: StepName, field: &str) -> Option<&'a Value> {
    let result = find(steps, name)?.result.as_ref()?;
    result.get(field).filter(|value| !value.is_null())
}
