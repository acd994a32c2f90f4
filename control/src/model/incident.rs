//! What is to be told, and what must not be.

use shared::Username;

use super::task::Task;
use crate::base::clock::Moment;
use crate::base::masking::{masked, without_addresses};
use vendors::linear::{IssueId, Priority};

/// Longest body in characters; what a vendor said may be in it.
const BODY_MAX_CHARS: usize = 4_000;

/// Something that a person should look at. No secret is in it, nothing a customer
/// wrote, and no address as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    /// Names it among all that ever were: told again, it is the same.
    pub key: String,
    pub title: String,
    /// Markdown.
    pub body: String,
    pub priority: Priority,
}

/// An incident that was noted, and the ticket it became.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    pub incident: Incident,
    /// At Linear: `ENG-12`, and where to read it.
    pub identifier: Option<String>,
    pub url: Option<String>,
    pub created: Moment,
    pub opened: Option<Moment>,
    /// Why there is no ticket, or not yet.
    pub why: Option<String>,
    /// When its ticket is tried next, while it waits.
    pub next_attempt: Option<Moment>,
}

impl Incident {
    /// Addresses in `title` and `body` are masked.
    pub fn new(
        key: impl Into<String>,
        title: impl AsRef<str>,
        body: impl AsRef<str>,
        priority: Priority,
    ) -> Self {
        let body = without_addresses(body.as_ref());
        Self {
            key: key.into(),
            title: without_addresses(title.as_ref()),
            body: body.chars().take(BODY_MAX_CHARS).collect(),
            priority,
        }
    }

    /// Somebody has paid.
    pub fn sign_up(signup: &str, username: &Username, email: &str, skills: &str) -> Self {
        let body = format!(
            "- workspace: `{username}`\n- e-mail: {}\n- skills: {skills}\n- sign-up: `{signup}`",
            masked(email)
        );
        Self::new(format!("signup/{signup}"), format!("New: {username}"), body, Priority::Low)
    }

    /// A subscription has ended, or will.
    pub fn cancellation(subscription: &str, username: &Username, reason: &str) -> Self {
        let body = format!(
            "- workspace: `{username}`\n- subscription: `{subscription}`\n- reason: {reason}"
        );
        let title = format!("Cancelled: {username}");
        Self::new(format!("cancel/{subscription}"), title, body, Priority::Low)
    }

    /// A task was given up.
    pub fn of_dead_task(task: &Task, why: &str) -> Self {
        let id = &task.id;
        let whose = task.username.map_or_else(|| "nobody's".to_owned(), |name| format!("`{name}`"));
        let body = format!(
            "Task `{id}` was given up after {} of {} attempts.\n\n- workspace: {whose}\n\
             - cause: `{}`\n- last error: {why}\n\nLook with `control tasks show {id}`, try it \
             again with `control tasks retry {id}`.",
            task.attempts, task.max_attempts, task.dedupe
        );
        Self::new(format!("task/{id}"), format!("Task {id} was given up"), body, Priority::High)
    }

    /// A row of the database that the program cannot read.
    pub fn unreadable_row(table: &str, key: &str, why: &str) -> Self {
        let body = format!(
            "Row `{key}` of table `{table}` cannot be read: {why}.\n\nIt is left out wherever \
             rows are listed, and nothing is done about it. Mend what is stored; nothing has to \
             be restarted."
        );
        let title = format!("A row of {table} cannot be read");
        Self::new(format!("row/{table}/{key}"), title, body, Priority::High)
    }

    /// The same under a title that says more.
    #[must_use]
    pub fn titled(self, title: impl AsRef<str>, priority: Priority) -> Self {
        Self { title: without_addresses(title.as_ref()), priority, ..self }
    }

    /// Sign-ups and cancellations: news, and nothing is wrong.
    pub fn is_news(&self) -> bool {
        self.key.starts_with("signup/") || self.key.starts_with("cancel/")
    }

    pub fn issue(&self) -> IssueId {
        IssueId::of_key(&format!("arcamatrix linear issue\0{}", self.key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_address_is_whole_and_no_body_endless() {
        let username = "ada".parse().unwrap();
        let sign_up = Incident::sign_up("su_1", &username, "ada@mail.test", "weather, tmux");
        assert!(sign_up.body.contains("a•••@mail.test"), "{}", sign_up.body);
        assert!(!sign_up.body.contains("ada@"), "{}", sign_up.body);
        let said = format!("cannot deliver to ada@mail.test {}", "x".repeat(9_000));
        let incident = Incident::new("k", "to ada@mail.test", said, Priority::High);
        assert_eq!(incident.title, "to a•••@mail.test");
        assert!(!incident.body.contains("ada@"), "{}", incident.body);
        assert_eq!(incident.body.chars().count(), BODY_MAX_CHARS);
    }

    #[test]
    fn only_sign_ups_and_cancellations_are_news() {
        let username = "ada".parse().unwrap();
        assert!(Incident::sign_up("su_1", &username, "a@b.test", "").is_news());
        assert!(Incident::cancellation("sub_1", &username, "asked for").is_news());
        assert!(!Incident::new("mail/quota/2026-11-22", "t", "b", Priority::High).is_news());
    }
}
