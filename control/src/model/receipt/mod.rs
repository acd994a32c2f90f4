//! The receipt for a workspace that has ended: what was deleted, when, and how that was
//! checked. Pure.

mod words;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::Username;

use self::words::ReceiptText;
use super::sign_up::SignUpId;
use super::task::Step;
use super::task::kinds::{RecycleWorkspace as Recycle, StepName};
use super::workspace::{EndReason, Workspace};
use crate::base::clock::Moment;
use crate::base::date::iso_time;
use crate::base::language::Language;

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
    pub fn of(workspace: &Workspace, steps: &[Step], language: Language, now: Moment) -> Self {
        let text = ReceiptText::of(language);
        let line = |what: String, step, checked: String| {
            let at = find(steps, step).and_then(|step| step.finished).unwrap_or(now);
            ReceiptLine { what, at: at.seconds(), checked }
        };
        let checked = match result(steps, Recycle::CUT, "generation") {
            Some(generation) => (text.every_edge_serves)(&generation.to_string()),
            None => text.every_edge.to_owned(),
        };
        let mut lines = vec![line(text.closed.to_owned(), Recycle::CUT, checked)];
        if let Some(name) = result(steps, Recycle::STOP, "sprite").and_then(Value::as_str) {
            let is_late = result(steps, Recycle::STOP, "complaint").is_some();
            let checked = if is_late { text.stopped_late } else { text.provider_said_so };
            lines.push(line((text.stopped)(name), Recycle::STOP, checked.to_owned()));
            let kept_until = result(steps, Recycle::WIPE, "kept_until").and_then(Value::as_u64);
            lines.push(match (result(steps, Recycle::WIPE, "proof"), kept_until) {
                (Some(proof), _) => {
                    line((text.wiped)(name), Recycle::WIPE, proof_in_words(text, proof))
                }
                (None, Some(until)) => {
                    let until = iso_time(Moment::from_seconds(until));
                    let what = (text.kept)(name, &until);
                    line(what, Recycle::WIPE, text.kept_why.to_owned())
                }
                (None, None) => {
                    let checked = text.destroyed_proof.to_owned();
                    line((text.destroyed)(name), Recycle::DESTROY, checked)
                }
            });
        }
        lines.push(ReceiptLine {
            what: text.account.to_owned(),
            at: now.seconds(),
            checked: text.account_proof.to_owned(),
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
fn proof_in_words(text: &ReceiptText, proof: &Value) -> String {
    let number = |field: &str| proof[field].as_u64().unwrap_or(0);
    (text.wiped_proof)(number("places"), number("checkpoints"), number("services"))
}

fn find(steps: &[Step], name: StepName) -> Option<&Step> {
    steps.iter().find(|step| step.name == name.as_str())
}

/// A field of what a step found out; `None` where it is not there, or null.
fn result<'a>(steps: &'a [Step], name: StepName, field: &str) -> Option<&'a Value> {
    let result = find(steps, name)?.result.as_ref()?;
    result.get(field).filter(|value| !value.is_null())
}
