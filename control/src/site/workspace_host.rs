//! What the pages below `/auth/` know of the host that they were asked at.

use shared::Username;

/// The workspace whose host a request came to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Workspace(pub(super) Username);
