//! Errors in Linear's form: often under HTTP 200.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// Of the HTTP answer.
    status: StatusCode,
    /// What `extensions.statusCode` says, which may differ.
    code_status: u16,
    kind: &'static str,
    code: &'static str,
    /// The caller can do something about it.
    user_error: bool,
    message: String,
    /// For people; by default the message.
    presentable: Option<String>,
    path: Option<String>,
}

impl ApiError {
    fn new(status: u16, kind: &'static str, code: &'static str, message: String) -> Self {
        Self {
            status: StatusCode::from_u16(status).expect("the table has real statuses"),
            code_status: status,
            kind,
            code,
            user_error: true,
            message,
            presentable: None,
            path: None,
        }
    }

    /// The query itself is wrong: HTTP 400.
    pub fn graphql(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(400, "graphql error", code, message.into())
    }

    /// An argument is wrong: HTTP 200, the status stands inside.
    pub fn input(field: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            status: StatusCode::OK,
            path: Some(field.to_owned()),
            presentable: Some(message),
            ..Self::new(400, "invalid input", "INVALID_INPUT", "Argument Validation Error".into())
        }
    }

    pub fn not_found(field: &str, entity: &str) -> Self {
        Self {
            status: StatusCode::OK,
            path: Some(field.to_owned()),
            presentable: Some(format!("Could not find referenced {entity}.")),
            ..Self::new(400, "invalid input", "INPUT_ERROR", format!("Entity not found: {entity}"))
        }
    }

    pub fn unauthenticated(message: &str) -> Self {
        Self::new(401, "authentication error", "AUTHENTICATION_ERROR", message.to_owned())
    }

    /// HTTP 400, although every other API would say 429.
    pub fn rate_limited(limit: u32) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            ..Self::new(
                429,
                "ratelimited",
                "RATELIMITED",
                format!("Rate limit exceeded. Only {limit} requests are allowed per 1 hour."),
            )
        }
    }

    /// Any status, as Linear would word it.
    pub fn of_status(status: StatusCode, limit: u32) -> Self {
        match status.as_u16() {
            429 => Self::rate_limited(limit),
            401 => Self::unauthenticated("Authentication required, not authenticated"),
            403 => Self::new(403, "forbidden", "FORBIDDEN", "Forbidden".to_owned()),
            code if code < 500 => Self::new(code, "user error", "USER_ERROR", status.to_string()),
            code => Self {
                user_error: false,
                ..Self::new(
                    code,
                    "internal error",
                    "INTERNAL_SERVER_ERROR",
                    "Internal server error".to_owned(),
                )
            },
        }
    }

    fn body(&self) -> Value {
        json!({
            "errors": [{
                "message": self.message,
                "path": self.path.as_ref().map(|path| vec![path]),
                "locations": [{"line": 1, "column": 1}],
                "extensions": {
                    "type": self.kind,
                    "code": self.code,
                    "statusCode": self.code_status,
                    "userError": self.user_error,
                    "userPresentableMessage":
                        self.presentable.as_ref().unwrap_or(&self.message),
                    "meta": {},
                },
            }],
            "data": null,
        })
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.status, Json(self.body())).into_response()
    }
}
