//! Whether what runs in a workspace's machine runs, beside whether it should. Pure.

use shared::Username;

use super::Assigned;
use crate::base::clock::Moment;
use crate::base::text_enum::text_enum;

text_enum! {
    pub enum Services or "not a word for services" {
        Running = "running",
        Stopping = "stopping",
        Stopped = "stopped",
        Starting = "starting",
    }
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
