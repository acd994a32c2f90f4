//! Tables that stand on several pages.

use super::page::{Cell, Table, age, next_attempt, until};
use crate::base::clock::Moment;
use crate::operator::pflaster::{EntryView, RoundView};
use crate::operator::responses::{MailView, TaskView, TicketView};
use crate::operator::support_views::WorkspaceView;

pub(super) fn workspaces(workspaces: &[WorkspaceView], now: Moment) -> Table {
    let row = |it: &WorkspaceView| {
        let standing = it.standing();
        let tone = match standing.split(' ').next() {
            Some("live" | "active") => "good",
            Some("suspended") => "bad",
            Some("preparing" | "ending") => "warn",
            _ => "",
        };
        vec![
            Cell::link(it.username.to_string(), format!("/console/workspaces/{}", it.username)),
            Cell::toned(standing, tone),
            Cell::maybe(it.email.as_deref()),
            Cell::maybe(it.subscription_status.as_deref()),
            Cell::maybe(it.sprite.as_deref()),
            Cell::maybe(it.created_at.map(|at| age(at, now))),
        ]
    };
    Table {
        title: "By name",
        header: vec!["Name", "State", "E-mail", "Plan", "Machine", "Age"],
        rows: workspaces.iter().map(row).collect(),
        none: "No workspace is like that.",
    }
}

pub(super) fn tasks<'a>(
    title: &'static str,
    tasks: impl Iterator<Item = &'a TaskView>,
    now: Moment,
) -> Table {
    let row = |task: &TaskView| {
        let tone = match task.state.as_str() {
            "dead" => "bad",
            "waiting" if task.last_error.is_some() => "warn",
            "done" => "good",
            _ => "",
        };
        let whose = task.username.map_or_else(
            || Cell::from(""),
            |name| Cell::link(name.to_string(), format!("/console/workspaces/{name}")),
        );
        let next = next_attempt(&task.state, task.run_at, now);
        vec![
            Cell::link(task.id.as_str(), format!("/console/tasks/{}", task.id)),
            Cell::toned(task.state.as_str(), tone),
            whose,
            age(task.created_at, now).into(),
            format!("{} of {}", task.attempts, task.max_attempts).into(),
            next.into(),
            Cell::maybe(task.last_error.as_deref()),
        ]
    };
    Table {
        title,
        header: vec!["Task", "State", "For", "Age", "Attempts", "Next", "Error"],
        rows: tasks.map(row).collect(),
        none: "No task is like that.",
    }
}

pub(super) fn mails(mails: &[MailView], now: Moment) -> Table {
    let row = |mail: &MailView| {
        let tone = match mail.state.as_str() {
            "failed" | "unsent" => "bad",
            "waiting" if mail.why.is_some() => "warn",
            "sent" => "good",
            _ => "",
        };
        let whose = mail.username.map_or_else(
            || Cell::from(""),
            |name| Cell::link(name.to_string(), format!("/console/workspaces/{name}")),
        );
        vec![
            mail.kind.as_str().into(),
            Cell::toned(mail.state.as_str(), tone),
            whose,
            age(mail.created_at, now).into(),
            Cell::maybe(mail.next_attempt_at.map(|next| until(next, now))),
            Cell::maybe(mail.why.as_deref()),
        ]
    };
    Table {
        title: "Letters",
        header: vec!["Kind", "State", "To", "Age", "Next", "Why"],
        rows: mails.iter().map(row).collect(),
        none: "No letter is like that.",
    }
}

pub(super) fn tickets(tickets: &[TicketView], now: Moment) -> Table {
    let row = |ticket: &TicketView| {
        let identifier = match (&ticket.identifier, &ticket.url) {
            (Some(identifier), Some(url)) => Cell::link(identifier.as_str(), url.as_str()),
            _ => Cell::from("none yet"),
        };
        let tone = if ticket.priority == "urgent" { "bad" } else { "" };
        vec![
            ticket.title.as_str().into(),
            Cell::toned(ticket.priority.as_str(), tone),
            identifier,
            age(ticket.created_at, now).into(),
            Cell::maybe(ticket.why.as_deref()),
        ]
    };
    Table {
        title: "Incidents",
        header: vec!["Incident", "Priority", "Ticket", "Age", "Why not"],
        rows: tickets.iter().map(row).collect(),
        none: "None.",
    }
}

/// A row for each finding; one that says so where all was well.
pub(super) fn pflaster(rounds: &[RoundView]) -> Table {
    let task = |round: &RoundView| {
        Cell::link(round.task_id.as_str(), format!("/console/tasks/{}", round.task_id))
    };
    let mut rows = Vec::new();
    for round in rounds {
        let when = if round.phase.as_str() == "pre" { "before" } else { "after" };
        let row = |check: &str, what: Cell| {
            vec![round.timestamp.as_str().into(), task(round), when.into(), check.into(), what]
        };
        if round.entries.is_empty() {
            rows.push(row("all", Cell::toned("well", "good")));
        }
        for EntryView { check, patch, fix, note } in &round.entries {
            let patch = patch.as_ref().map(|it| format!("patch: {it}"));
            let fix = fix.as_ref().map(|it| format!("fix: {it}"));
            let what = patch.or(fix).or_else(|| note.clone()).unwrap_or_default();
            rows.push(row(check, Cell::toned(what, "warn")));
        }
    }
    Table {
        title: "Rounds of checks",
        header: vec!["Time", "Task", "When", "Check", "What"],
        rows,
        none: "Nothing was looked at yet.",
    }
}
