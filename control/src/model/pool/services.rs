//! Whether what runs in a workspace's machine runs, beside whether it should. Pure.

use shared::Username;

use super::Assigned;
use crate::base::clock::Moment;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Services {
    Running,
    Stopping,
    Stopped,
    Starting,
}

/// A machine whose services are not as its workspace needs them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServicesFault {
    pub machine: Assigned,
    pub username: Username,
    pub services: Services,
    /// Since when they are so.
    pub since: Moment,
    /// Whether the workspace is open.
    pub is_open: bool,
}

impl Services {
    const ALL: [Self; 4] = [Self::Running, Self::Stopping, Self::Stopped, Self::Starting];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Starting => "starting",
        }
    }

    /// # Errors
    /// `text` is none of the words.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let found = Self::ALL.into_iter().find(|services| services.as_str() == text);
        found.ok_or("not a word for services")
    }
}
