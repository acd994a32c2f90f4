//! What comes after a letter that was not sent, or nobody knows. Pure.

use std::time::Duration;

use reqwest::StatusCode;

use crate::base::clock::Moment;
use vendors::Lost;
use vendors::again::Again;
use vendors::resend::ResendError;
use vendors::resend::error::ErrorName;

const HOUR: Duration = Duration::from_secs(3_600);

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// A letter that could not be sent for so long, for whatever quota, is given up:
/// also a first link is older then than it may be.
const PATIENCE: Duration = Duration::from_secs(4 * 24 * 3_600);

/// How long the account is left alone after Resend refused it: somebody has to
/// repair a key or verify a domain.
const ACCOUNT_PAUSE: Duration = HOUR;

/// The pause in an outage is half the age of the letter, between these: the first tries come
/// soon, and a letter is sent within a minute of Resend's return.
const SOONEST: Duration = Duration::from_secs(2);
const LATEST: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// The try counts; the next one is not before this.
    Again { after: Option<Duration> },
    /// It was not its turn: the try does not count.
    Wait { after: Duration },
    /// No letter can be sent now. The operator is told once a day, the try does
    /// not count.
    Blocked { by: Blocked, after: Duration },
    /// It would be refused again and again.
    GiveUp,
}

/// What stands in the way of every letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blocked {
    Quota,
    /// The key, or the domain that letters come from.
    Account,
}

impl Next {
    /// As metrics name it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Again { .. } => "tried",
            Self::Wait { .. } => "waited",
            Self::Blocked { .. } => "blocked",
            Self::GiveUp => "refused",
        }
    }
}

/// `posted` is when the letter was.
pub(super) fn next(error: &ResendError, posted: Moment, now: Moment) -> Next {
    let next = match error {
        ResendError::TooBusy(wait) => Next::Wait { after: *wait },
        error if error.is_quota() => {
            Next::Blocked { by: Blocked::Quota, after: until_tomorrow(now) }
        }
        ResendError::Refused { status, .. } if is_about_the_account(*status) => {
            Next::Blocked { by: Blocked::Account, after: ACCOUNT_PAUSE }
        }
        ResendError::Refused { name: ErrorName::RateLimit, retry_after, .. } => {
            Next::Wait { after: retry_after.unwrap_or(Duration::from_secs(1)).min(HOUR) }
        }
        error => match error.again() {
            Again::Never => Next::GiveUp,
            again if is_outage(error) => {
                let asked = if let Again::After(after) = again { after.min(HOUR) } else { SOONEST };
                Next::Wait { after: asked.max(now.since(posted) / 2).min(LATEST.max(asked)) }
            }
            Again::Soon => Next::Again { after: None },
            Again::After(after) => Next::Again { after: Some(after.min(HOUR)) },
        },
    };
    match next {
        Next::Wait { .. } | Next::Blocked { .. } if now.since(posted) > PATIENCE => Next::GiveUp,
        next => next,
    }
}

/// Resend is away, or out of order: that says nothing of the letter, which waits for its end
/// however long it takes. Tries are counted for refusals only.
fn is_outage(error: &ResendError) -> bool {
    match error {
        ResendError::Lost(_) | ResendError::Answer(_) => true,
        ResendError::Refused { status, .. } => status.is_server_error(),
        ResendError::TooBusy(_) => false,
    }
}

/// Whether Resend, or nobody, got it: then this try sent nothing.
pub(super) fn sent_nothing(error: &ResendError) -> bool {
    match error {
        ResendError::TooBusy(_) | ResendError::Lost(Lost::Unconnected(_)) => true,
        // Of the others under this key one may be sending it right now.
        ResendError::Refused { status, .. } => {
            status.is_client_error() && *status != StatusCode::CONFLICT
        }
        ResendError::Lost(_) | ResendError::Answer(_) => false,
    }
}

fn is_about_the_account(status: StatusCode) -> bool {
    matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
}

/// Quotas are counted by the day, in UTC; a few minutes are left for clocks.
fn until_tomorrow(now: Moment) -> Duration {
    const MARGIN: Duration = Duration::from_secs(5 * 60);
    let day = u64::try_from(DAY.as_millis()).expect("a day is short");
    Duration::from_millis(day - now.millis() % day) + MARGIN
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Moment = Moment::from_seconds(1_800_000_000 / 86_400 * 86_400 + 12 * 3_600);

    fn refused(status: u16, name: &str, retry_after: Option<u64>) -> ResendError {
        ResendError::Refused {
            status: StatusCode::from_u16(status).unwrap(),
            name: name.to_owned().into(),
            message: String::new(),
            retry_after: retry_after.map(Duration::from_secs),
        }
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn every_refusal_leads_somewhere() {
        let check = |error: ResendError, expected| {
            assert_eq!(next(&error, NOON, NOON), expected, "{error}");
        };
        let again = Next::Again { after: None };
        let quota = Next::Blocked { by: Blocked::Quota, after: 12 * HOUR + seconds(300) };
        let account = Next::Blocked { by: Blocked::Account, after: HOUR };
        let away = Next::Wait { after: SOONEST };
        check(Lost::TimedOut(seconds(20)).into(), away);
        check(Lost::Unconnected("refused".to_owned()).into(), away);
        check(ResendError::Answer("no id".to_owned()), away);
        check(ResendError::TooBusy(seconds(4)), Next::Wait { after: seconds(4) });
        check(refused(400, "validation_error", None), Next::GiveUp);
        check(refused(401, "missing_api_key", None), account);
        check(refused(403, "validation_error", None), account);
        check(refused(403, "", None), account);
        check(refused(409, "invalid_idempotent_request", None), Next::GiveUp);
        check(refused(409, "concurrent_idempotent_requests", None), again);
        check(refused(422, "missing_required_field", None), Next::GiveUp);
        check(refused(429, "rate_limit_exceeded", Some(2)), Next::Wait { after: seconds(2) });
        check(refused(429, "daily_quota_exceeded", Some(2)), quota);
        check(refused(429, "monthly_quota_exceeded", None), quota);
        check(refused(500, "application_error", None), away);
        check(refused(503, "", Some(9)), Next::Wait { after: seconds(9) });
    }

    #[test]
    fn an_outage_is_waited_for_at_most_a_minute_at_a_time() {
        let check = |age, expected| {
            let seen = next(&refused(500, "", None), NOON, NOON.after(seconds(age)));
            assert_eq!(seen, Next::Wait { after: seconds(expected) }, "{age}");
        };
        check(0, 2);
        check(20, 10);
        check(56, 28);
        check(86_400, 60);
    }

    #[test]
    fn nobody_waits_for_ever() {
        let late = NOON.after(PATIENCE).after(seconds(1));
        let check = |error: ResendError, expected| {
            assert_eq!(next(&error, NOON, late), expected, "{error}");
        };
        check(refused(429, "daily_quota_exceeded", None), Next::GiveUp);
        check(refused(401, "missing_api_key", None), Next::GiveUp);
        check(ResendError::TooBusy(seconds(4)), Next::GiveUp);
        check(refused(500, "", None), Next::GiveUp);
    }

    #[test]
    fn only_a_plain_refusal_is_known_to_have_sent_nothing() {
        let check = |error: ResendError, expected| {
            assert_eq!(sent_nothing(&error), expected, "{error}");
        };
        check(ResendError::TooBusy(seconds(4)), true);
        check(Lost::Unconnected("refused".to_owned()).into(), true);
        check(Lost::TimedOut(seconds(20)).into(), false);
        check(Lost::Broken("reset".to_owned()).into(), false);
        check(ResendError::Answer("no id".to_owned()), false);
        check(refused(429, "rate_limit_exceeded", None), true);
        check(refused(422, "", None), true);
        check(refused(409, "concurrent_idempotent_requests", None), false);
        check(refused(500, "", None), false);
    }
}
