//! How a call to Stripe fails, and what that means for the next one.

use reqwest::{Method, StatusCode};
use serde::Deserialize;

use crate::again::Again;
use crate::http::{Http, Lost, Reply};
use crate::open_enum::open_enum;

/// A call that did not bring what it was made for, after all its retries.
#[derive(Debug, thiserror::Error)]
pub enum StripeError {
    /// Unknown whether it was carried out: the same key finds out.
    #[error("stripe did not answer")]
    Lost(#[from] Lost),
    #[error("stripe refused the call: {0}")]
    Refused(Box<Refusal>),
    /// It was carried out, but we cannot tell what came of it.
    #[error("stripe's answer to request {request} cannot be read: {why}")]
    Answer { request: String, why: String },
}

/// Stripe's own words. Its message can name the customer: for operators only.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{status} {}: {message} (request {request})", self.reason())]
pub struct Refusal {
    pub status: StatusCode,
    pub kind: ErrorType,
    /// Such as `resource_missing`; empty where Stripe gave none.
    pub code: String,
    /// The parameter that is wrong; empty where Stripe named none.
    pub param: String,
    pub message: String,
    /// Stripe's id of the request, for its support.
    pub request: String,
    /// Stripe keeps this failure under the call's idempotency key and would repeat it.
    pub is_kept: bool,
}

open_enum! {
    ErrorType {
        Api = "api_error",
        Card = "card_error",
        Idempotency = "idempotency_error",
        InvalidRequest = "invalid_request_error",
        RateLimit = "rate_limit_error",
    }
}

impl Refusal {
    /// The most exact word for it that Stripe gave.
    fn reason(&self) -> &str {
        if self.code.is_empty() { self.kind.as_str() } else { &self.code }
    }
}

impl StripeError {
    /// Whether the same call, with the same key, can succeed later.
    pub fn again(&self) -> Again {
        match self {
            Self::Lost(Lost::TooLong(_)) => Again::Never,
            Self::Lost(_) | Self::Answer { .. } => Again::Soon,
            Self::Refused(refusal) => again(refusal.status),
        }
    }

    /// The same of a call that can wait until our own key is mended: one that is being exchanged is
    /// refused, whatever the object.
    pub fn again_with_another_secret(&self) -> Again {
        match self {
            Self::Refused(refusal)
                if matches!(refusal.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) =>
            {
                Again::Soon
            }
            error => error.again(),
        }
    }

    /// The key is spent: look what there is now, then call under a new key.
    pub fn needs_new_key(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.is_kept)
    }

    /// The parameter that Stripe would not take, where it named one.
    pub fn refused_param(&self) -> Option<&str> {
        match self {
            Self::Refused(refusal) if refusal.status.is_client_error() => {
                Some(refusal.param.as_str()).filter(|param| !param.is_empty())
            }
            _ => None,
        }
    }

    /// Stripe does not know the object: wrong id, or the other mode's.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Refused(refusal)
            if refusal.status == StatusCode::NOT_FOUND || refusal.code == "resource_missing")
    }
}

fn again(status: StatusCode) -> Again {
    let passes = status.is_server_error()
        || matches!(status, StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS);
    if passes { Again::Soon } else { Again::Never }
}

#[derive(Deserialize, Default)]
struct Body {
    error: Words,
}

#[derive(Deserialize, Default)]
struct Words {
    r#type: Option<String>,
    code: Option<String>,
    param: Option<String>,
    message: Option<String>,
}

/// Of an answer that is not 2xx. A body in another form is quoted.
pub(super) fn refusal(http: &Http, method: &Method, reply: &Reply) -> Refusal {
    let words = match reply.json::<Body>() {
        Ok(body) => body.error,
        Err(_) => Words { message: Some(reply.text()), ..Words::default() },
    };
    let quote = |text: Option<String>| http.quote(&text.unwrap_or_default());
    Refusal {
        status: reply.status,
        kind: quote(words.r#type).into(),
        code: quote(words.code),
        param: quote(words.param),
        message: quote(words.message),
        request: request_id(reply),
        is_kept: *method == Method::POST && reply.status.is_server_error(),
    }
}

pub(super) fn request_id(reply: &Reply) -> String {
    reply.header("request-id").unwrap_or("without id").chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use shared::{Secret, Upstream};

    use super::*;

    fn of(method: &Method, status: u16, body: &str) -> StripeError {
        let origin = Upstream::parse("https://api.stripe.test").unwrap();
        let http = Http::with_bearer(&origin, &Secret::new("sk_test_1".to_owned())).unwrap();
        let status = StatusCode::from_u16(status).unwrap();
        let reply = Reply { status, headers: Default::default(), body: body.into() };
        StripeError::Refused(Box::new(refusal(&http, method, &reply)))
    }

    #[test]
    fn every_refusal_says_whether_to_call_again_and_with_which_key() {
        let check = |method: Method, status, body: &str, again, needs_new_key| {
            let error = of(&method, status, body);
            assert_eq!((error.again(), error.needs_new_key()), (again, needs_new_key), "{error}");
        };
        let invalid = r#"{"error":{"type":"invalid_request_error","code":"parameter_unknown"}}"#;
        check(Method::POST, 400, invalid, Again::Never, false);
        check(
            Method::POST,
            401,
            r#"{"error":{"type":"invalid_request_error"}}"#,
            Again::Never,
            false,
        );
        check(Method::POST, 402, r#"{"error":{"type":"card_error"}}"#, Again::Never, false);
        check(Method::GET, 404, r#"{"error":{"code":"resource_missing"}}"#, Again::Never, false);
        let in_progress = r#"{"error":{"type":"idempotency_error"}}"#;
        check(Method::POST, 400, in_progress, Again::Never, false);
        check(Method::POST, 409, in_progress, Again::Soon, false);
        check(Method::POST, 429, r#"{"error":{"type":"rate_limit_error"}}"#, Again::Soon, false);
        check(Method::POST, 500, r#"{"error":{"type":"api_error"}}"#, Again::Soon, true);
        check(Method::GET, 500, r#"{"error":{"type":"api_error"}}"#, Again::Soon, false);
        check(Method::POST, 503, "<html>busy</html>", Again::Soon, true);
        check(Method::GET, 302, "", Again::Never, false);
    }

    #[test]
    fn what_is_wrong_with_our_own_secret_can_be_waited_for() {
        for (status, again) in [(401, Again::Soon), (403, Again::Soon), (402, Again::Never)] {
            let error = of(&Method::GET, status, "{}");
            assert_eq!((error.again(), error.again_with_another_secret()), (Again::Never, again));
        }
    }

    #[test]
    fn a_lost_call_is_made_again_under_its_key() {
        let check = |lost: Lost, again| {
            let error = StripeError::Lost(lost);
            assert_eq!((error.again(), error.needs_new_key()), (again, false));
        };
        check(Lost::Unconnected("refused".to_owned()), Again::Soon);
        check(Lost::Broken("reset".to_owned()), Again::Soon);
        check(Lost::TooLong(1), Again::Never);
    }

    #[test]
    fn a_missing_object_is_told_from_other_refusals() {
        assert!(of(&Method::GET, 404, "").is_missing());
        assert!(of(&Method::POST, 400, r#"{"error":{"code":"resource_missing"}}"#).is_missing());
        assert!(!of(&Method::POST, 400, "{}").is_missing());
    }

    #[test]
    fn a_refusal_reads_as_a_sentence_without_the_key() {
        let error = of(
            &Method::GET,
            401,
            r#"{"error":{"type":"invalid_request_error","message":"Invalid API Key: sk_test_1"}}"#,
        );
        assert_eq!(
            error.to_string(),
            "stripe refused the call: 401 Unauthorized invalid_request_error: \
             Invalid API Key: *** (request without id)"
        );
    }
}
