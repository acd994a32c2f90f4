//! What is done on the page: asked about where it hurts, refused to who may only look, told to
//! the second of two, and in the journal.

use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use tokio::time::timeout;
use tracing::warn;

use super::page::{Link, Notice, Page, PageTemplate, QuestionTemplate, answer, see_other};
use super::session::{SignedIn, signed_in};
use crate::app::SharedApp;
use crate::base::date::Age;
use crate::base::email_address::Email;
use crate::http::{Form, Problem, Query};
use crate::operator::acts::{Act, Asked, perform};
use crate::operator::tasks::parse_reason;
use crate::store::{ActBegun, JournalEntry};

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct ActForm {
    act: String,
    on: String,
    /// The last entry of the journal that the page showed.
    seen: String,
    reason: String,
    email: String,
    csrf: String,
}

impl ActForm {
    /// What was typed of what the act asks for.
    fn typed(&self, act: &Act) -> &str {
        match act.asks_for() {
            Some(Asked::Email) => self.email.trim(),
            Some(Asked::Reason) | None => self.reason.trim(),
        }
    }
}

/// How long that is which takes access away; of others, two at once are told of each other.
const JOURNAL_WAIT: Duration = Duration::from_secs(3);

/// Every act by its word: what its question is called, and what is said when it is done.
const WORDS: [(&str, &str, &str); 14] = [
    ("suspend", "Close the workspace", "It is closed."),
    ("resume", "Open the workspace", "It is open again, unless another reason stands."),
    ("sign-out", "Sign out everywhere", "Every browser is signed out."),
    ("unlock", "Unlock the workspace", "The lock is taken away."),
    ("provision", "Prepare the workspace", "A machine is being prepared."),
    ("end", "End the workspace", "It has ended; its machine is being taken down."),
    ("replace-machine", "Replace the machine", "Another machine is being prepared."),
    ("retry", "Try the task again", "It is tried again."),
    ("send-again", "Send the letter again", "It is sent again."),
    ("cancel", "Call the task off", "It is called off."),
    ("resume-pool", "Prepare machines again", "Machines are prepared again."),
    ("destroy-machine", "Destroy the machine", "It is being destroyed."),
    ("remove-edge", "Remove the edge", "It is sent nothing more."),
    ("set-email", "Set another e-mail address", "It is set, and the former address is told."),
];

/// What came of an act, by its word; `None` for what is none.
pub(super) fn said(word: &str) -> Option<&'static str> {
    WORDS.iter().find(|(it, ..)| *it == word).map(|(_, _, said)| *said)
}

fn label(word: &str) -> &'static str {
    WORDS.iter().find(|(it, ..)| *it == word).map_or("Do it", |(_, label, _)| *label)
}

/// The question before it.
pub(super) async fn ask(
    State(app): State<SharedApp>,
    headers: HeaderMap,
    Query(form): Query<ActForm>,
) -> Result<Response, Response> {
    let session = signed_in(&app, &headers).await?;
    let act = Act::parse(&form.act, &form.on).map_err(Problem::into_response)?;
    if let Err(refused) = session.check_role() {
        return Ok(refusal(&session, &act, &refused));
    }
    Ok(question(&session, &act, &form, None))
}

fn question(
    session: &SignedIn<'_>,
    act: &Act,
    form: &ActForm,
    error: Option<&Problem>,
) -> Response {
    let page = QuestionTemplate {
        frame: session.frame(""),
        label: label(&form.act),
        consequence: act.consequence().unwrap_or_else(|| "Nobody loses anything by it.".to_owned()),
        act: form.act.clone(),
        on: form.on.clone(),
        seen: form.seen.clone(),
        asks_for: act.asks_for(),
        typed: form.typed(act).to_owned(),
        error: error.map(|problem| problem.message.to_string()),
        back: act.place(),
    };
    answer(error.map_or(StatusCode::OK, |problem| problem.status), &page)
}

pub(super) async fn submit(
    State(app): State<SharedApp>,
    headers: HeaderMap,
    Form(form): Form<ActForm>,
) -> Result<Response, Response> {
    let session = signed_in(&app, &headers).await?;
    session.check_form(&headers, &form.csrf).map_err(Problem::into_response)?;
    let act = Act::parse(&form.act, &form.on).map_err(Problem::into_response)?;
    if let Err(refused) = session.check_role() {
        return Ok(refusal(&session, &act, &refused));
    }
    if let Err(missing) = check_typed(&act, form.typed(&act)) {
        return Ok(question(&session, &act, &form, Some(&missing)));
    }
    let (operator, subject) = (session.operator.name.as_str(), act.subject());
    // Only where it is asked for, and was looked at.
    let what = match (act.asks_for(), form.typed(&act)) {
        (Some(Asked::Reason), reason) => format!("{}: {reason}", form.act),
        _ => form.act.clone(),
    };
    // What takes access away waits for no journal.
    let patience = if act.takes_access_away() { JOURNAL_WAIT } else { Duration::MAX };
    let begun = app.store.begin_act(operator, &subject, &what, Some(&form.seen), app.now());
    let id = match timeout(patience, begun).await {
        Ok(Ok(ActBegun::Yes(id))) => Some(id),
        Ok(Ok(ActBegun::Overtaken(entry))) => return Ok(overtaken(&session, &app, &act, &entry)),
        Ok(Err(error)) if !act.takes_access_away() => {
            return Err(Problem::from(error).into_response());
        }
        Ok(Err(_)) | Err(_) => {
            warn!("the journal lacks that {operator} did this to {subject}: {what}");
            None
        }
    };
    let outcome = perform(&app, &act, form.typed(&act)).await;
    let result = match &outcome {
        Ok(_) => said(&form.act).unwrap_or_default().to_owned(),
        Err(problem) => format!("refused: {}", problem.message),
    };
    if let Some(id) = id {
        let noted = app.store.end_act(&id, &result).await;
        noted.map_err(|error| Problem::from(error).into_response())?;
    }
    match outcome {
        Ok(false) => Ok(unwritten(&session, &act)),
        Ok(true) => Ok(see_other(&format!("{}?done={}", act.place(), form.act))),
        Err(problem) => Ok(refusal(&session, &act, &problem)),
    }
}

fn check_typed(act: &Act, typed: &str) -> Result<(), Problem> {
    match act.asks_for() {
        Some(Asked::Reason) if typed.is_empty() => {
            Err(Problem::invalid("reason", "Please say why; it is kept."))
        }
        Some(Asked::Reason) => parse_reason(typed).map(drop),
        Some(Asked::Email) => Email::parse(typed)
            .map(drop)
            .map_err(|error| Problem::invalid("email", error.to_string())),
        None => Ok(()),
    }
}

/// Somebody else was first: what they did is said, and nothing more is done.
fn overtaken(session: &SignedIn<'_>, app: &SharedApp, act: &Act, entry: &JournalEntry) -> Response {
    let ago = Age::of(app.now().since(entry.at));
    let JournalEntry { actor: operator, act: what, outcome, .. } = entry;
    let outcome = outcome.as_deref().unwrap_or("It is under way.");
    let text = format!(
        "{operator} did this {ago} ago: {what}. {outcome} Nothing was done now: look again, \
         then decide."
    );
    let notice = Notice { tone: "warning", text };
    told(session, act, StatusCode::CONFLICT, UNCHANGED, notice)
}

fn unwritten(session: &SignedIn<'_>, act: &Act) -> Response {
    let text = "The edges were told, and hold to it. It is not in the database yet, which takes no \
                writes: control writes it as soon as it can, and forgets it if it stops before.";
    let notice = Notice { tone: "warning", text: text.to_owned() };
    told(session, act, StatusCode::OK, "Done, and not written yet", notice)
}

fn refusal(session: &SignedIn<'_>, act: &Act, problem: &Problem) -> Response {
    let notice = Notice { tone: "error", text: problem.message.to_string() };
    told(session, act, problem.status, UNCHANGED, notice)
}

const UNCHANGED: &str = "Nothing was changed";

fn told(
    session: &SignedIn<'_>,
    act: &Act,
    status: StatusCode,
    title: &str,
    notice: Notice,
) -> Response {
    let page = Page {
        title: title.to_owned(),
        notice: Some(notice),
        links: vec![Link { href: act.place(), text: "Look at it again", is_here: false }],
        ..Page::default()
    };
    answer(status, &PageTemplate { frame: session.frame(""), page })
}
