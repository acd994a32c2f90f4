//! How Linear refuses, which it also does under 200.

use std::time::Duration;

use reqwest::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::again::Again;
use crate::http::{Http, Lost, Reply};
use crate::open_enum::open_enum;

#[derive(Debug, thiserror::Error)]
pub enum LinearError {
    /// Unknown whether the ticket was made: the same id finds out.
    #[error("linear did not answer")]
    Lost(#[from] Lost),
    #[error("linear refused the call: {status} {kind}: {message}")]
    Refused {
        status: StatusCode,
        kind: ErrorType,
        message: String,
        /// Until it would answer again, where it said so.
        after: Option<Duration>,
    },
    #[error("linear's answer cannot be read: {0}")]
    Answer(String),
}

open_enum! {
    ErrorType {
        Authentication = "authentication error",
        Forbidden = "forbidden",
        InvalidInput = "invalid input",
        RateLimited = "ratelimited",
        User = "user error",
        Graphql = "graphql error",
        LockTimeout = "lock timeout",
        UsageLimit = "usage limit exceeded",
        NoFeature = "feature not accessible",
        Internal = "internal error",
        Network = "network error",
    }
}

impl LinearError {
    /// Whether the same call can succeed later.
    pub fn again(&self) -> Again {
        match self {
            Self::Lost(Lost::TooLong(_)) => Again::Never,
            Self::Lost(_) | Self::Answer(_) => Again::Soon,
            Self::Refused { status, kind, after, .. } => match kind {
                ErrorType::RateLimited
                | ErrorType::LockTimeout
                | ErrorType::Internal
                | ErrorType::Network => Again::hinted(*after),
                // No words of Linear's: something before it answered.
                ErrorType::Unknown(_) if passes(*status) => Again::hinted(*after),
                _ => Again::Never,
            },
        }
    }

    /// What a second ticket under the same id could be refused as.
    pub(super) fn may_be_duplicate(&self) -> bool {
        match self {
            Self::Refused { kind, .. } => {
                self.again() == Again::Never
                    && !matches!(kind, ErrorType::Authentication | ErrorType::Forbidden)
            }
            Self::Answer(_) => true,
            Self::Lost(_) => false,
        }
    }

    /// What asking for a ticket that is not there is refused as.
    pub(super) fn may_be_missing(&self) -> bool {
        let kinds = [ErrorType::InvalidInput, ErrorType::User, ErrorType::Graphql];
        matches!(self, Self::Refused { kind, .. } if kinds.contains(kind))
    }
}

fn passes(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS
}

#[derive(Deserialize)]
struct Envelope<T> {
    data: Option<T>,
}

#[derive(Deserialize)]
struct Complaints {
    #[serde(default)]
    errors: Vec<Complaint>,
}

#[derive(Deserialize)]
struct Complaint {
    #[serde(default)]
    message: String,
    #[serde(default)]
    extensions: Extensions,
}

#[derive(Deserialize, Default)]
struct Extensions {
    r#type: Option<String>,
    code: Option<String>,
}

/// `now` is in unix milliseconds, as is the moment at which Linear counts anew.
pub(super) fn judge<T: DeserializeOwned>(
    http: &Http,
    reply: &Reply,
    now: u64,
) -> Result<T, LinearError> {
    let complaints = reply.json::<Complaints>();
    let complaint = complaints.ok().and_then(|body| body.errors.into_iter().next());
    if let Some(complaint) = complaint {
        return Err(LinearError::Refused {
            status: reply.status,
            kind: kind_of(&complaint.extensions, http),
            message: http.quote(&complaint.message),
            after: after(reply, now),
        });
    }
    if !reply.status.is_success() {
        return Err(LinearError::Refused {
            status: reply.status,
            kind: ErrorType::Unknown("without a reason".to_owned()),
            message: http.quote(&reply.text()),
            after: after(reply, now),
        });
    }
    match reply.json::<Envelope<T>>() {
        Ok(Envelope { data: Some(data) }) => Ok(data),
        Ok(Envelope { data: None }) => Err(LinearError::Answer("it has no data".to_owned())),
        Err(error) => Err(LinearError::Answer(error.to_string())),
    }
}

fn kind_of(extensions: &Extensions, http: &Http) -> ErrorType {
    if extensions.code.as_deref() == Some("RATELIMITED") {
        return ErrorType::RateLimited;
    }
    let text = extensions.r#type.as_deref().or(extensions.code.as_deref()).unwrap_or_default();
    http.quote(&text.to_lowercase()).into()
}

fn after(reply: &Reply, now: u64) -> Option<Duration> {
    reply.retry_after().or_else(|| {
        let is_spent = reply.number("x-ratelimit-requests-remaining") == Some(0);
        let reset = reply.number("x-ratelimit-requests-reset").filter(|_| is_spent)?;
        Some(Duration::from_millis(reset.saturating_sub(now)))
    })
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderMap, HeaderValue};
    use serde_json::{Value, json};
    use shared::{Secret, Upstream};

    use super::*;

    const NOW: u64 = 1_800_000_000_000;

    fn judged(
        status: u16,
        headers: &[(&'static str, &str)],
        body: &str,
    ) -> Result<Value, LinearError> {
        let origin = Upstream::parse("https://api.linear.test").unwrap();
        let key = Secret::new("lin_api_1".to_owned());
        let http = Http::new(&origin, &key, &key).unwrap();
        let status = StatusCode::from_u16(status).unwrap();
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap()))
            .collect();
        judge(&http, &Reply { status, headers, body: body.into() }, NOW)
    }

    fn complaint(kind: &str, code: &str) -> String {
        let extensions = json!({ "type": kind, "code": code, "userError": true });
        json!({ "errors": [{ "message": "no", "extensions": extensions }], "data": null })
            .to_string()
    }

    #[test]
    fn every_refusal_says_whether_to_call_again() {
        let check = |status, headers: &[(&'static str, &str)], body: &str, again| {
            let error = judged(status, headers, body).unwrap_err();
            assert_eq!(error.again(), again, "{error}");
        };
        let after = |seconds| Again::After(Duration::from_secs(seconds));
        let limited = complaint("ratelimited", "RATELIMITED");
        let reset = (NOW + 90_000).to_string();
        let spent: [(&str, &str); 2] =
            [("x-ratelimit-requests-remaining", "0"), ("x-ratelimit-requests-reset", &reset)];
        check(400, &[], &limited, Again::Soon);
        check(400, &spent, &limited, after(90));
        check(400, &[("retry-after", "7")], &limited, after(7));
        check(429, &[], &limited, Again::Soon);
        check(429, &[("retry-after", "7")], "slow down", after(7));
        check(200, &[], &complaint("lock timeout", "LOCK_TIMEOUT"), Again::Soon);
        check(200, &[], &complaint("internal error", "INTERNAL_SERVER_ERROR"), Again::Soon);
        check(500, &[], &complaint("internal error", "INTERNAL_SERVER_ERROR"), Again::Soon);
        check(502, &[], "<html>", Again::Soon);
        check(200, &[], "not json", Again::Soon);
        check(200, &[], r#"{"data":null}"#, Again::Soon);
        check(400, &[], &complaint("authentication error", "AUTHENTICATION_ERROR"), Again::Never);
        check(200, &[], &complaint("forbidden", "FORBIDDEN"), Again::Never);
        check(200, &[], &complaint("invalid input", "INPUT_ERROR"), Again::Never);
        check(200, &[], &complaint("Invalid Input", "INPUT_ERROR"), Again::Never);
        check(200, &[], &complaint("user error", ""), Again::Never);
        check(400, &[], &complaint("graphql error", "GRAPHQL_VALIDATION_FAILED"), Again::Never);
        check(200, &[], &complaint("usage limit exceeded", ""), Again::Never);
        check(200, &[], &complaint("feature not accessible", ""), Again::Never);
        check(404, &[], "nothing here", Again::Never);
    }

    #[test]
    fn data_without_errors_is_the_answer() {
        assert_eq!(judged(200, &[], r#"{"data":{"x":1}}"#).unwrap(), json!({ "x": 1 }));
        assert!(judged(200, &[], r#"{"data":{"x":1},"errors":[]}"#).is_ok());
    }

    #[test]
    fn only_a_refusal_of_the_input_is_asked_about() {
        let check = |status, body: &str, expected| {
            let error = judged(status, &[], body).unwrap_err();
            assert_eq!(error.may_be_duplicate(), expected, "{error}");
        };
        check(200, &complaint("invalid input", "INPUT_ERROR"), true);
        check(400, &complaint("graphql error", ""), true);
        check(200, &complaint("user error", ""), true);
        check(400, &complaint("ratelimited", "RATELIMITED"), false);
        check(400, &complaint("authentication error", ""), false);
        check(500, &complaint("internal error", ""), false);
    }
}
