//! Where what is taken out stands, and under which name it is in the archive.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tree {
    /// The gateway's folder.
    Gateway,
    /// What lies beside it.
    Home,
}

impl Tree {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Gateway => "openclaw",
            Self::Home => "home",
        }
    }
}
