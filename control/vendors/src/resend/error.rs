//! How Resend refuses a mail, and what that means for the next try.

use std::time::Duration;

use reqwest::StatusCode;
use serde::Deserialize;

use crate::again::Again;
use crate::http::{Http, Lost, Reply};
use crate::open_enum::open_enum;

/// Quotas are counted by the day.
const QUOTA_PAUSE: Duration = Duration::from_secs(24 * 3_600);

#[derive(Debug, thiserror::Error)]
pub enum ResendError {
    /// Unknown whether it was sent. The same key and mail find out, for a day.
    #[error("resend did not answer")]
    Lost(#[from] Lost),
    /// It was not sent: others are before it.
    #[error("the next turn to send a mail is in {0:?}")]
    TooBusy(Duration),
    #[error("resend refused the mail: {status} {name}: {message}")]
    Refused {
        status: StatusCode,
        name: ErrorName,
        /// Can name the recipient: for operators only.
        message: String,
        /// The header, where there was one.
        retry_after: Option<Duration>,
    },
    #[error("resend took the mail, but its answer cannot be read: {0}")]
    Answer(String),
}

open_enum! {
    ErrorName {
        ConcurrentRequest = "concurrent_idempotent_requests",
        DailyQuota = "daily_quota_exceeded",
        /// The key was used for another mail.
        KeyReused = "invalid_idempotent_request",
        MonthlyQuota = "monthly_quota_exceeded",
        RateLimit = "rate_limit_exceeded",
        ResourceLocked = "resource_locked",
        Validation = "validation_error",
    }
}

impl ResendError {
    /// Whether the same mail, under the same key, can be sent later.
    pub fn again(&self) -> Again {
        match self {
            Self::Lost(Lost::TooLong(_)) => Again::Never,
            Self::Lost(_) | Self::Answer(_) => Again::Soon,
            Self::TooBusy(wait) => Again::After(*wait),
            Self::Refused { status, name, retry_after, .. } => again(*status, name, *retry_after),
        }
    }

    /// Somebody has to buy more mails, or wait for the next day.
    pub fn is_quota(&self) -> bool {
        matches!(self, Self::Refused { name: ErrorName::DailyQuota | ErrorName::MonthlyQuota, .. })
    }
}

fn again(status: StatusCode, name: &ErrorName, retry_after: Option<Duration>) -> Again {
    match name {
        ErrorName::DailyQuota | ErrorName::MonthlyQuota => Again::After(QUOTA_PAUSE),
        ErrorName::ConcurrentRequest | ErrorName::ResourceLocked => Again::hinted(retry_after),
        _ if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() => {
            Again::hinted(retry_after)
        }
        _ => Again::Never,
    }
}

#[derive(Deserialize, Default)]
struct Body {
    name: Option<String>,
    message: Option<String>,
}

pub(super) fn refused(http: &Http, reply: &Reply) -> ResendError {
    let body =
        reply.json::<Body>().unwrap_or_else(|_| Body { name: None, message: Some(reply.text()) });
    ResendError::Refused {
        status: reply.status,
        name: http.quote(&body.name.unwrap_or_default()).into(),
        message: http.quote(&body.message.unwrap_or_default()),
        retry_after: reply.retry_after(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_says_whether_to_send_again() {
        let check = |status: u16, name: &str, retry_after: Option<u64>, expected| {
            let error = ResendError::Refused {
                status: StatusCode::from_u16(status).unwrap(),
                name: name.to_owned().into(),
                message: String::new(),
                retry_after: retry_after.map(Duration::from_secs),
            };
            assert_eq!(error.again(), expected, "{error}");
        };
        let after = |seconds| Again::After(Duration::from_secs(seconds));
        check(400, "invalid_idempotency_key", None, Again::Never);
        check(400, "validation_error", None, Again::Never);
        check(401, "missing_api_key", None, Again::Never);
        check(401, "restricted_api_key", None, Again::Never);
        check(403, "invalid_api_key", None, Again::Never);
        check(403, "validation_error", None, Again::Never);
        check(403, "suspended_api_key", None, Again::Never);
        check(404, "not_found", None, Again::Never);
        check(405, "method_not_allowed", None, Again::Never);
        check(409, "invalid_idempotent_request", None, Again::Never);
        check(409, "concurrent_idempotent_requests", None, Again::Soon);
        check(409, "resource_locked", Some(2), after(2));
        check(409, "something_new", None, Again::Never);
        check(422, "missing_required_field", None, Again::Never);
        check(422, "invalid_parameter", None, Again::Never);
        check(429, "rate_limit_exceeded", Some(1), after(1));
        check(429, "rate_limit_exceeded", None, Again::Soon);
        check(429, "daily_quota_exceeded", Some(1), after(86_400));
        check(429, "monthly_quota_exceeded", None, after(86_400));
        check(500, "application_error", None, Again::Soon);
        check(503, "service_unavailable", Some(5), after(5));
        check(502, "", None, Again::Soon);
    }

    #[test]
    fn an_unknown_outcome_is_tried_again_and_a_turn_awaited() {
        let check = |error: ResendError, expected| assert_eq!(error.again(), expected, "{error}");
        check(Lost::TimedOut(Duration::from_secs(20)).into(), Again::Soon);
        check(Lost::Unconnected("refused".to_owned()).into(), Again::Soon);
        check(Lost::TooLong(1).into(), Again::Never);
        check(ResendError::Answer("no id".to_owned()), Again::Soon);
        let wait = Duration::from_secs(4);
        check(ResendError::TooBusy(wait), Again::After(wait));
    }
}
