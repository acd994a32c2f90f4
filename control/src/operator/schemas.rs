//! How values of ours that are made elsewhere look in JSON, for the description of
//! the API. The test that compares answers with the description keeps them true.

use utoipa::openapi::schema::Type;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use crate::model::task::Kind;

/// A refusal of a workspace, or of one session of it.
#[derive(ToSchema)]
#[schema(as = Lock)]
#[expect(dead_code, reason = "described here, made of shared::Lock")]
pub(crate) struct LockShape {
    username: String,
    /// The session's id; without it the whole workspace is locked.
    #[schema(nullable = false)]
    session: Option<String>,
    /// Unix seconds; without it the lock holds until it is taken away.
    #[schema(nullable = false)]
    until: Option<u64>,
}

/// The name of a workspace in the path of a call about it.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "described here, read as shared::Username")]
pub(crate) struct OfWorkspace {
    #[param(example = "ada", pattern = "^[a-z0-9][a-z0-9-]{0,30}[a-z0-9]$")]
    username: String,
}

/// The id of a session of a workspace.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "described here, read as shared::SessionId")]
pub(crate) struct OfSession {
    #[param(example = "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a", pattern = "^[0-9a-f]{32}$")]
    session: String,
}

/// The id of a task.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "described here, read as queue::TaskId")]
pub(crate) struct OfTask {
    #[param(value_type = TaskIdShape, inline, example = "PROV-20260214-a1b2c3d4")]
    id: String,
}

/// An id of a task of any kind.
pub(crate) struct TaskIdShape;

impl ToSchema for TaskIdShape {}

impl PartialSchema for TaskIdShape {
    fn schema() -> RefOr<Schema> {
        let kinds = Kind::ALL.map(Kind::as_str).join("|");
        let pattern = format!("^({kinds})-[0-9]{{8}}-[0-9a-f]{{8}}$");
        ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern)).into()
    }
}

/// A kind of task.
pub(crate) struct KindShape;

impl ToSchema for KindShape {}

impl PartialSchema for KindShape {
    fn schema() -> RefOr<Schema> {
        let kinds = Kind::ALL.map(Kind::as_str);
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(kinds)).into()
    }
}
