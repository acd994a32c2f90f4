//! The steps that a customer is shown. Each stands for some of the task's own.

use std::time::Duration;

use serde::{Serialize, Serializer};

use super::order::{Order, OrderedStep};
use crate::base::clock::Moment;
use crate::model::mail::MailState;
use crate::model::task::kinds::{ProvisionWorkspace as Provision, StepName};

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    pub name: &'static str,
    #[serde(skip)]
    pub label: &'static str,
    pub state: StepState,
    /// What more there is to say; often nothing.
    pub word: &'static str,
    #[serde(rename = "started_at")]
    pub started: Option<Moment>,
    #[serde(rename = "finished_at")]
    pub finished: Option<Moment>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    Waiting,
    Running,
    Done,
    Failed,
}

struct Row {
    name: &'static str,
    label: &'static str,
    /// Of the task; none for the payment, which comes before it.
    covers: &'static [StepName],
    /// While it runs.
    word: &'static str,
}

const ROWS: [Row; 6] = [
    Row { name: "payment", label: "Payment", covers: &[], word: "" },
    Row {
        name: "reserve",
        label: "Reserving your machine",
        covers: &[Provision::ASSIGN],
        word: "Usually at once",
    },
    Row {
        name: "start",
        label: "Starting it",
        covers: &[Provision::WAKE],
        word: "Usually a few seconds",
    },
    Row {
        name: "skills",
        label: "Installing your skills",
        covers: &[Provision::CONFIGURE, Provision::START, Provision::READY],
        word: "Usually less than half a minute",
    },
    Row {
        name: "address",
        label: "Opening your address",
        covers: &[Provision::ROUTE],
        word: "Usually at once",
    },
    Row { name: "mail", label: "Writing you a mail", covers: &[Provision::MAIL], word: "" },
];

/// A step that runs for so long, or is tried again, takes longer than usual.
const LONG: Duration = Duration::from_secs(60);

impl StepState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }

    /// Where the sign cannot be seen.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Running => "under way",
            state => state.as_str(),
        }
    }
}

impl Step {
    /// How long it took, or has taken so far; empty for one that did not begin.
    pub fn elapsed(&self, now: &Moment) -> String {
        match (self.state, self.started) {
            (StepState::Waiting, _) | (_, None) => String::new(),
            (_, Some(started)) => in_words(self.finished.unwrap_or(*now).since(started)),
        }
    }
}

/// `8 s`, `2 min 5 s`: as the page's script writes it.
fn in_words(time: Duration) -> String {
    match (time.as_secs() / 60, time.as_secs() % 60) {
        (0, seconds) => format!("{seconds} s"),
        (minutes, seconds) => format!("{minutes} min {seconds} s"),
    }
}

/// The first that is not done is what goes on now, or where it ended.
pub(super) fn steps(order: &Order, is_paid: bool, now: Moment) -> Vec<Step> {
    let mut steps = vec![payment(order, is_paid)];
    let letter = letter(order);
    let mut goes_on = is_paid.then_some(steps[0].finished).flatten();
    for row in &ROWS[1..] {
        let covered = |name: &StepName| find(order, *name);
        let begun: Vec<&OrderedStep> = row.covers.iter().filter_map(covered).collect();
        let is_done = begun.len() == row.covers.len() && begun.iter().all(|step| step.is_done);
        let started = begun.iter().filter_map(|step| step.started).min();
        let step = if is_done {
            let finished = begun.iter().filter_map(|step| step.finished).max();
            goes_on = finished;
            let (state, word) = match letter {
                Some(letter) if row.covers == [Provision::MAIL] => letter,
                _ => (StepState::Done, ""),
            };
            Step { state, word, started, finished, ..blank(row) }
        } else if let Some(since) = goes_on.take() {
            let started = started.or(Some(since));
            let is_slow = begun.iter().any(|step| step.attempts > 1)
                || started.is_some_and(|started| now.since(started) > LONG);
            match &order.task {
                Some(task) if task.is_dead => {
                    Step { state: StepState::Failed, word: "This did not work", ..blank(row) }
                }
                _ => Step {
                    state: StepState::Running,
                    word: if is_slow { "This takes longer than usual" } else { row.word },
                    started,
                    ..blank(row)
                },
            }
        } else {
            blank(row)
        };
        steps.push(step);
    }
    steps
}

/// What became of the letter, where that is not yet that it was sent.
fn letter(order: &Order) -> Option<(StepState, &'static str)> {
    match order.letter? {
        MailState::Waiting => Some((StepState::Running, "It is on its way")),
        MailState::Failed | MailState::Unsent => Some((StepState::Failed, "It could not be sent")),
        MailState::Sent | MailState::Dropped => None,
    }
}

fn payment(order: &Order, is_paid: bool) -> Step {
    let seen = order.workspace.map(|workspace| workspace.since);
    let row = blank(&ROWS[0]);
    if is_paid {
        return Step { state: StepState::Done, finished: seen.or(Some(order.began)), ..row };
    }
    let word = "Your bank needs a few working days";
    Step { state: StepState::Running, word, ..row }
}

fn find(order: &Order, name: StepName) -> Option<&OrderedStep> {
    order.task.as_ref()?.steps.iter().find(|step| step.name == name.as_str())
}

fn blank(row: &Row) -> Step {
    Step {
        name: row.name,
        label: row.label,
        state: StepState::Waiting,
        word: "",
        started: None,
        finished: None,
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.millis())
    }
}
