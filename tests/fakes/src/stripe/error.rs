//! Errors in Stripe's form.

use axum::http::StatusCode;
use serde_json::{Value, json};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    pub status: StatusCode,
    kind: &'static str,
    code: Option<&'static str>,
    param: Option<String>,
    message: String,
}

impl ApiError {
    /// 400, the caller's fault, without a code.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            kind: "invalid_request_error",
            code: None,
            param: None,
            message: message.into(),
        }
    }

    #[must_use]
    pub fn code(self, code: &'static str) -> Self {
        Self { code: Some(code), ..self }
    }

    #[must_use]
    pub fn param(self, param: impl Into<String>) -> Self {
        Self { param: Some(param.into()), ..self }
    }

    /// The path names something that is not there: 404.
    pub fn missing(what: &str, id: &str) -> Self {
        let status = StatusCode::NOT_FOUND;
        Self { status, ..Self::missing_in("id", what, id) }
    }

    /// A parameter names something that is not there: 400.
    pub fn missing_in(param: &str, what: &str, id: &str) -> Self {
        Self::invalid(format!("No such {what}: '{id}'")).code("resource_missing").param(param)
    }

    pub fn unknown_url(method: &str, path: &str) -> Self {
        let message = format!(
            "Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs or \
             we can help at https://support.stripe.com/."
        );
        Self { status: StatusCode::NOT_FOUND, ..Self::invalid(message) }
    }

    pub fn unauthorized(message: impl Into<String>) -> Self {
        Self { status: StatusCode::UNAUTHORIZED, ..Self::invalid(message) }
    }

    /// The same key with other parameters.
    pub fn key_reused(key: &str) -> Self {
        let kind = "idempotency_error";
        Self {
            kind,
            ..Self::invalid(format!(
                "Keys for idempotent requests can only be used with the same parameters they \
                 were first used with. Try using a key other than '{key}' if you meant to execute \
                 a different request."
            ))
        }
    }

    /// The first request with this key is not answered yet.
    pub fn key_in_flight(key: &str) -> Self {
        let message = format!(
            "There is currently another in-progress request using this Idempotent Key (that \
             probably means you submitted twice, and the other request is still going through): \
             {key}. Please try again later."
        );
        Self {
            status: StatusCode::CONFLICT,
            kind: "idempotency_error",
            code: Some("idempotency_key_in_use"),
            ..Self::invalid(message)
        }
    }

    /// Any status, worded as Stripe's own failure.
    pub fn of_status(status: StatusCode) -> Self {
        let (kind, code, message) = match status {
            StatusCode::TOO_MANY_REQUESTS => (
                "invalid_request_error",
                Some("rate_limit"),
                "Request rate limit exceeded. Learn more about rate limits here \
                 https://stripe.com/docs/rate-limits.",
            ),
            StatusCode::PAYMENT_REQUIRED => {
                ("card_error", Some("card_declined"), "Your card was declined.")
            }
            status if status.is_server_error() => {
                ("api_error", None, "An unknown error occurred. Please contact support@stripe.com.")
            }
            _ => ("invalid_request_error", None, "The request could not be served."),
        };
        Self { status, kind, code, param: None, message: message.to_owned() }
    }

    /// Whether an idempotency key keeps this answer. What was not valid, or
    /// collided with another request, is not kept: the key stays free.
    pub fn keeps_key(&self) -> bool {
        self.status.is_server_error() || self.kind == "card_error"
    }

    pub fn body(&self, request_id: &str) -> Value {
        let mut error = json!({
            "type": self.kind,
            "message": self.message,
            "request_log_url": format!("https://dashboard.stripe.com/test/logs/{request_id}"),
        });
        if let Some(code) = self.code {
            error["code"] = code.into();
            error["doc_url"] =
                format!("https://stripe.com/docs/error-codes/{}", code.replace('_', "-")).into();
        }
        if let Some(param) = &self.param {
            error["param"] = param.as_str().into();
        }
        json!({"error": error})
    }
}
