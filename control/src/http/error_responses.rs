//! What calls are refused with, as the description of the API says it.
//!
//! Each set belongs to something a handler has: a key in front of it, parameters,
//! a body. What only one handler says stands at that handler.

use utoipa::{IntoResponses, ToSchema};

/// The one shape of every refusal.
#[derive(ToSchema)]
#[schema(as = Error)]
#[expect(dead_code, reason = "described here, made of shared::wire::ErrorBody")]
pub(crate) struct ErrorShape {
    error: ErrorDetailShape,
}

#[derive(ToSchema)]
#[schema(as = ErrorDetail)]
#[expect(dead_code, reason = "described here, made of shared::wire::ErrorDetail")]
pub(crate) struct ErrorDetailShape {
    /// Stable, for programs.
    #[schema(pattern = "^[a-z_]+$")]
    code: String,
    /// A sentence for people.
    message: String,
    /// Which part of the request it is about, where it is about one.
    #[schema(nullable = false)]
    field: Option<String>,
}

/// Of every call that needs the admin key.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "described, never made")]
pub(crate) enum Guarded {
    /// There is no admin key in the header authorization, or a wrong one.
    #[response(status = 401)]
    Unauthorized(ErrorShape),
    /// Something of ours failed; the log has it under the request's id.
    #[response(status = 500)]
    Internal(ErrorShape),
}

/// Of every call with the admin key that changes something.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "described, never made")]
pub(crate) enum Changing {
    /// The key is of an operator who may only look.
    #[response(status = 403)]
    ReadOnly(ErrorShape),
}

/// Of every call that has parameters.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "described, never made")]
pub(crate) enum Parsed {
    /// A parameter or the body cannot be read, or is out of bounds.
    #[response(status = 400)]
    Malformed(ErrorShape),
    /// A value breaks a rule of ours; `field` names it.
    #[response(status = 422)]
    Invalid(ErrorShape),
}

/// Of every call that has a body in JSON.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "described, never made")]
pub(crate) enum WithBody {
    /// The body is too large.
    #[response(status = 413)]
    TooLarge(ErrorShape),
    /// The body is not said to be JSON.
    #[response(status = 415)]
    NotJson(ErrorShape),
}

/// Of every call about one thing.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "described, never made")]
pub(crate) enum AboutOne {
    /// There is no such thing.
    #[response(status = 404)]
    NotFound(ErrorShape),
}
