//! What can go wrong on purpose, and when, in one word.
//!
//! `[MOMENT:]ACTION`, for example `status:503`, `slow:2000`, `reset`,
//! `garbage:502`, `after-commit:500`, `after-commit:reset`, `inside:500`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

/// Longest delay that can be asked for: well beyond any client's time-out.
pub const SLOW_MAX: Duration = Duration::from_secs(120);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fault {
    pub moment: Moment,
    pub action: Action,
}

/// Where on a call's way the fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// The vendor's service never sees the call.
    Before,
    /// In the service, under the call's idempotency key: a status is kept and
    /// replayed to whoever repeats the key, a delay keeps the key in flight.
    /// The work is not done under a status.
    Inside,
    /// The work is done; the answer gets lost.
    AfterCommit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// An error in the vendor's own form.
    Status(StatusCode),
    /// An error page as of a proxy in between: HTML, not the vendor's form.
    Garbage(StatusCode),
    Slow(Duration),
    /// The connection is cut without a byte of an answer.
    Reset,
}

/// The word is not a fault.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "{0:?} is not a fault: write [inside:|after-commit:] and status:N, garbage:N (400 to 599), \
     slow:MS (up to 120000) or reset; inside knows status and slow only"
)]
pub struct NotAFault(String);

impl FromStr for Fault {
    type Err = NotAFault;

    fn from_str(word: &str) -> Result<Self, NotAFault> {
        let (moment, rest) = if let Some(rest) = word.strip_prefix("after-commit:") {
            (Moment::AfterCommit, rest)
        } else if let Some(rest) = word.strip_prefix("inside:") {
            (Moment::Inside, rest)
        } else {
            (Moment::Before, word)
        };
        match action(rest) {
            Some(Action::Garbage(_) | Action::Reset) if moment == Moment::Inside => None,
            action => action,
        }
        .map(|action| Self { moment, action })
        .ok_or_else(|| NotAFault(word.to_owned()))
    }
}

/// A bare number is a status: `after-commit:500`.
fn action(word: &str) -> Option<Action> {
    Some(match word.split_once(':') {
        None if word == "reset" => Action::Reset,
        None => Action::Status(error_status(word)?),
        Some(("status", number)) => Action::Status(error_status(number)?),
        Some(("garbage", number)) => Action::Garbage(error_status(number)?),
        Some(("slow", number)) => {
            let delay = Duration::from_millis(number.parse().ok()?);
            (delay <= SLOW_MAX).then_some(Action::Slow(delay))?
        }
        Some(_) => return None,
    })
}

fn error_status(number: &str) -> Option<StatusCode> {
    let status = StatusCode::from_u16(number.parse().ok()?).ok()?;
    (status.is_client_error() || status.is_server_error()).then_some(status)
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.moment {
            Moment::Before => "",
            Moment::Inside => "inside:",
            Moment::AfterCommit => "after-commit:",
        })?;
        match self.action {
            Action::Status(status) => write!(f, "status:{}", status.as_u16()),
            Action::Garbage(status) => write!(f, "garbage:{}", status.as_u16()),
            Action::Slow(delay) => write!(f, "slow:{}", delay.as_millis()),
            Action::Reset => f.write_str("reset"),
        }
    }
}

impl TryFrom<String> for Fault {
    type Error = NotAFault;

    fn try_from(word: String) -> Result<Self, NotAFault> {
        word.parse()
    }
}

impl From<Fault> for String {
    fn from(fault: Fault) -> Self {
        fault.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(word: &str, expected: Option<&str>) {
        let read = word.parse::<Fault>().ok().map(|fault| fault.to_string());
        assert_eq!(read.as_deref(), expected, "{word:?}");
    }

    #[test]
    fn a_fault_is_read_and_written_as_one_word() {
        check("status:429", Some("status:429"));
        check("after-commit:500", Some("after-commit:status:500"));
        check("after-commit:slow:50", Some("after-commit:slow:50"));
        check("inside:500", Some("inside:status:500"));
        check("garbage:502", Some("garbage:502"));
        check("reset", Some("reset"));
    }

    #[test]
    fn what_cannot_happen_is_no_fault() {
        check("status:200", None);
        check("status:999", None);
        check("slow:999999999", None);
        check("inside:reset", None);
        check("explode", None);
        check("", None);
    }
}
