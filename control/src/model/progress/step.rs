//! The steps that a customer is shown. Each stands for some of the task's own.

use std::time::Duration;

use serde::{Serialize, Serializer};

use super::order::{Order, OrderedStep};
use crate::base::clock::Moment;
use crate::base::language::Language;
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
    label: Words,
    /// Of the task; none for the payment, which comes before it.
    covers: &'static [StepName],
    /// While it runs.
    word: Words,
}

/// In English and in German.
#[derive(Clone, Copy)]
struct Words(&'static str, &'static str);

impl Words {
    const NONE: Self = Self("", "");
    const AT_ONCE: Self = Self("Usually at once", "Meist sofort");

    fn of(self, language: Language) -> &'static str {
        match language {
            Language::English => self.0,
            Language::German => self.1,
        }
    }
}

const ROWS: [Row; 6] = [
    Row { name: "payment", label: Words("Payment", "Zahlung"), covers: &[], word: Words::NONE },
    Row {
        name: "reserve",
        label: Words("Reserving your machine", "Deine Maschine reservieren"),
        covers: &[Provision::ASSIGN],
        word: Words::AT_ONCE,
    },
    Row {
        name: "start",
        label: Words("Starting it", "Sie starten"),
        covers: &[Provision::WAKE],
        word: Words("Usually a few seconds", "Meist ein paar Sekunden"),
    },
    Row {
        name: "skills",
        label: Words("Installing your skills", "Deine Fähigkeiten einrichten"),
        covers: &[Provision::CONFIGURE, Provision::START, Provision::READY],
        word: Words("Usually less than half a minute", "Meist weniger als eine halbe Minute"),
    },
    Row {
        name: "address",
        label: Words("Opening your address", "Deine Adresse öffnen"),
        covers: &[Provision::ROUTE],
        word: Words::AT_ONCE,
    },
    Row {
        name: "mail",
        label: Words("Writing you a mail", "Dir eine Mail schreiben"),
        covers: &[Provision::MAIL],
        word: Words::NONE,
    },
];

const SLOW: Words = Words("This takes longer than usual", "Das dauert länger als sonst");

const NOT_DONE: Words = Words("This did not work", "Das hat nicht geklappt");

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
    pub fn in_words(self, language: Language) -> &'static str {
        let words = match self {
            Self::Waiting => Words("waiting", "wartet"),
            Self::Running => Words("under way", "läuft"),
            Self::Done => Words("done", "fertig"),
            Self::Failed => Words("failed", "fehlgeschlagen"),
        };
        words.of(language)
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
pub(super) fn steps(order: &Order, is_paid: bool, language: Language, now: Moment) -> Vec<Step> {
    let mut steps = vec![payment(order, is_paid, language)];
    let letter = letter(order, language);
    let blank = |row| blank(row, language);
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
                    Step { state: StepState::Failed, word: NOT_DONE.of(language), ..blank(row) }
                }
                _ => Step {
                    state: StepState::Running,
                    word: if is_slow { SLOW } else { row.word }.of(language),
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
fn letter(order: &Order, language: Language) -> Option<(StepState, &'static str)> {
    match order.letter? {
        MailState::Waiting => {
            let words = Words("It is on its way", "Sie ist unterwegs");
            Some((StepState::Running, words.of(language)))
        }
        MailState::Failed | MailState::Unsent => {
            let words = Words("It could not be sent", "Sie ließ sich nicht senden");
            Some((StepState::Failed, words.of(language)))
        }
        MailState::Sent | MailState::Dropped => None,
    }
}

fn payment(order: &Order, is_paid: bool, language: Language) -> Step {
    let seen = order.workspace.map(|workspace| workspace.since);
    let row = blank(&ROWS[0], language);
    if is_paid {
        return Step { state: StepState::Done, finished: seen.or(Some(order.began)), ..row };
    }
    let words = Words("Your bank needs a few working days", "Deine Bank braucht ein paar Werktage");
    Step { state: StepState::Running, word: words.of(language), ..row }
}

fn find(order: &Order, name: StepName) -> Option<&OrderedStep> {
    order.task.as_ref()?.steps.iter().find(|step| step.name == name.as_str())
}

fn blank(row: &Row, language: Language) -> Step {
    Step {
        name: row.name,
        label: row.label.of(language),
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
