//! How values of ours that are made elsewhere look in JSON, for the description of
//! the API. The test that compares answers with the description keeps them true.

use utoipa::ToSchema;

/// Where a workspace is.
#[derive(ToSchema)]
#[schema(as = Route)]
#[expect(dead_code, reason = "described here, made of shared::Route")]
pub(crate) struct RouteShape {
    username: String,
    /// An origin.
    upstream: String,
    sprite: String,
    /// Grows each time the sprite is handed out.
    assignment: u64,
    state: RouteStateShape,
    /// Sessions issued under a smaller epoch are over.
    epoch: u64,
}

#[derive(ToSchema)]
#[schema(as = RouteState, rename_all = "snake_case")]
#[expect(dead_code, reason = "described here, made of shared::RouteState")]
pub(crate) enum RouteStateShape {
    Preparing,
    Live,
    Suspended,
}

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
