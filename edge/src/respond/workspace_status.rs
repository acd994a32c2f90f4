//! How a workspace stands, in the word that its chat page is told.

/// How a workspace stands, as its chat page is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkspaceStatus {
    Live,
    Preparing,
    Suspended,
    Locked,
    /// There is no such workspace.
    Gone,
}

impl WorkspaceStatus {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Preparing => "preparing",
            Self::Suspended => "suspended",
            Self::Locked => "locked",
            Self::Gone => "gone",
        }
    }
}
