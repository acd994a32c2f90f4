//! Everything about one workspace, as a person reads it who answers a customer.

use super::output::{age, dash, list, one_line, until};
use super::tasks::next_attempt;
use crate::base::clock::Moment;
use crate::base::date::iso_time;
use crate::operator::pflaster::RoundView;
use crate::operator::responses::{MailView, TaskDetails, TicketView};
use crate::operator::support_views::{PlanView, SessionView, WorkspaceDetails};

pub(super) fn text(details: &WorkspaceDetails, now: Moment) -> String {
    let mut text = head(details, now);
    text += &section("SESSIONS", &sessions(&details.sessions, now));
    text += &section("TASKS", &tasks(&details.tasks, now));
    text += &section("LETTERS", &mails(&details.mails, now));
    text += &section("TICKETS", &tickets(&details.tickets, now));
    text += &section("PFLASTER", &pflaster(&details.pflaster));
    text
}

fn head(details: &WorkspaceDetails, now: Moment) -> String {
    let mut lines = vec![("workspace", format!("{} {}", details.username, details.workspace_url))];
    match &details.customer {
        None => lines.push(("customer", "none (any more)".to_owned())),
        Some(customer) => {
            let since = age(customer.created_at, now);
            lines.push(("customer", format!("{}, for {since}", customer.email)));
            let password = if customer.has_password { "set" } else { "none: nobody can sign in" };
            lines.push(("password", password.to_owned()));
            if customer.suspended {
                lines.push(("CLOSED", customer.suspended_for.join(", ")));
            }
        }
    }
    match &details.plan {
        None => lines.push(("plan", "none: nobody has paid".to_owned())),
        Some(plan) => lines.extend(plan_lines(plan, now)),
    }
    lines.push((
        "route",
        details.route.as_ref().map_or_else(
            || "none: nobody reaches it".to_owned(),
            |route| format!("{} to {}", route.state.as_str(), route.upstream),
        ),
    ));
    lines.push((
        "machine",
        details.machine.as_ref().map_or_else(
            || "none".to_owned(),
            |machine| {
                let proved =
                    machine.proved_at.map_or_else(|| "never".to_owned(), |at| age(at, now));
                let error = machine.error.as_ref().map(|it| format!(", {it}")).unwrap_or_default();
                format!("{} {}, proved {proved} ago{error}", machine.name, machine.state.as_str())
            },
        ),
    ));
    lines.extend(details.awake.as_ref().map(|awake| ("awake", awake.told())));
    for own in &details.domains {
        let why = own.why.as_deref().map(|why| format!(" ({why})")).unwrap_or_default();
        lines.push(("domain", format!("{} {}{why}", own.domain, own.state)));
    }
    for lock in &details.locks {
        let what =
            lock.session.map_or_else(|| "all of it".to_owned(), |it| format!("session {it}"));
        let end = lock.until.map_or_else(
            || "until it is unlocked".to_owned(),
            |until| format!("until {}", iso_time(Moment::from_seconds(until))),
        );
        lines.push(("LOCKED", format!("{what} {end}")));
    }
    let seen = details.sessions.first();
    let seen = seen.map_or_else(
        || "not signed in".to_owned(),
        |it| format!("{} ago", age(it.last_seen_at, now)),
    );
    lines.push(("last seen", seen));
    lines.iter().map(|(name, value)| format!("{name:<13}{value}\n")).collect()
}

fn plan_lines(plan: &PlanView, now: Moment) -> Vec<(&'static str, String)> {
    let date = |seconds: u64| iso_time(Moment::from_seconds(seconds))[..10].to_owned();
    let mut lines = vec![
        ("state", format!("{} for {}", plan.state, age(plan.changed_at, now))),
        ("plan", format!("{}, {}", plan.subscription_status, plan.subscription)),
        ("payer", plan.stripe_customer.clone()),
    ];
    lines.extend(plan.period_end_at.map(|at| ("paid until", date(at))));
    lines.extend(plan.cancel_at.map(|at| ("ends", date(at))));
    lines.extend(plan.grace_until_at.map(|at| ("forgiven till", date(at))));
    let skills = if plan.skills.is_empty() { "none".to_owned() } else { plan.skills.join(", ") };
    lines.push(("skills", skills));
    lines
}

fn section(title: &str, body: &str) -> String {
    format!("\n{title}\n{body}\n")
}

fn sessions(sessions: &[SessionView], now: Moment) -> String {
    let row = |session: &SessionView| {
        let expires = until(session.expires_at, now);
        vec![age(session.created_at, now), age(session.last_seen_at, now), expires]
    };
    let rows: Vec<_> = sessions.iter().map(row).collect();
    list("nobody is signed in", &["AGE", "LAST SEEN", "EXPIRES"], &rows)
}

/// Each task, and below it the steps that went wrong.
fn tasks(tasks: &[TaskDetails], now: Moment) -> String {
    let mut rows = Vec::new();
    for TaskDetails { task, steps, .. } in tasks {
        rows.push(vec![
            task.id.clone(),
            task.state.clone(),
            age(task.created_at, now),
            format!("{}/{}", task.attempts, task.max_attempts),
            next_attempt(task, now),
            task.last_error.as_deref().map(one_line).unwrap_or_default(),
        ]);
        for step in steps.iter().filter(|step| step.error.is_some() && step.state != "done") {
            rows.push(vec![
                format!("  step {}", step.name),
                step.state.clone(),
                step.started_at.map_or_else(dash, |at| age(at, now)),
                step.attempts.to_string(),
                dash(),
                step.error.as_deref().map(one_line).unwrap_or_default(),
            ]);
        }
    }
    list("no tasks", &["ID", "STATE", "AGE", "ATTEMPTS", "NEXT", "ERROR"], &rows)
}

fn mails(mails: &[MailView], now: Moment) -> String {
    let row = |mail: &MailView| {
        vec![
            mail.kind.clone(),
            mail.state.clone(),
            age(mail.created_at, now),
            mail.next_attempt_at.map_or_else(dash, |next| until(next, now)),
            mail.why.as_deref().map(one_line).unwrap_or_default(),
        ]
    };
    let rows: Vec<_> = mails.iter().map(row).collect();
    list("no letters", &["KIND", "STATE", "AGE", "NEXT", "WHY"], &rows)
}

fn tickets(tickets: &[TicketView], now: Moment) -> String {
    let row = |ticket: &TicketView| {
        let identifier = ticket.identifier.clone().unwrap_or_else(dash);
        vec![identifier, ticket.priority.clone(), age(ticket.created_at, now), ticket.title.clone()]
    };
    let rows: Vec<_> = tickets.iter().map(row).collect();
    list("no incidents", &["TICKET", "PRIORITY", "AGE", "TITLE"], &rows)
}

fn pflaster(rounds: &[RoundView]) -> String {
    let rows: Vec<_> = rounds.iter().flat_map(super::pflaster::round_rows).collect();
    list("nothing was looked at", &["TIME", "TASK", "WHEN", "CHECK", "WHAT"], &rows)
}
