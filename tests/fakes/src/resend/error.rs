//! Errors in Resend's form.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    pub status: StatusCode,
    pub name: &'static str,
    pub message: String,
}

impl ApiError {
    pub fn new(status: u16, name: &'static str, message: impl Into<String>) -> Self {
        let status = StatusCode::from_u16(status).expect("the table has real statuses");
        Self { status, name, message: message.into() }
    }

    /// Any status, under the name it has most often.
    pub fn of_status(status: StatusCode) -> Self {
        let (name, message) = match status.as_u16() {
            400 => ("validation_error", "The request is not valid."),
            401 => ("restricted_api_key", "This API key is restricted to only send emails"),
            403 => ("suspended_api_key", "This API key is suspended."),
            404 => ("not_found", "The requested endpoint does not exist"),
            405 => ("method_not_allowed", "This endpoint does not support the specified method"),
            409 => ("resource_locked", "The resource is locked by another request."),
            429 => (
                "rate_limit_exceeded",
                "Too many requests. Please limit the number of requests per second.",
            ),
            503 => ("service_unavailable", "The service is unavailable. Try again later."),
            code if code < 500 => ("invalid_parameter", "The parameter must be a valid UUID."),
            _ => ("application_error", "Something went wrong. Please try again later."),
        };
        Self { status, name, message: message.to_owned() }
    }

    pub fn missing(field: &str) -> Self {
        Self::new(422, "missing_required_field", format!("Missing `{field}` field."))
    }

    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(422, "validation_error", message)
    }

    /// Whether an idempotency key keeps this answer: a failure of Resend's
    /// own, not a complaint about the request.
    pub fn keeps_key(&self) -> bool {
        self.status.is_server_error()
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = json!({
            "statusCode": self.status.as_u16(),
            "name": self.name,
            "message": self.message,
        });
        (self.status, Json(body)).into_response()
    }
}
