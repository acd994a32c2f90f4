//! How long somebody stays signed in.

use std::time::Duration;

use shared::process::Section;

const DAY: u64 = 86_400;

#[derive(Debug, Clone, Copy)]
pub struct SessionTimes {
    /// Of a workspace session, from its handover.
    pub workspace: Duration,
    /// Of an account session, from its sign-in.
    pub account: Duration,
    /// An account session ends when it is not used for so long.
    pub account_idle: Duration,
}

impl SessionTimes {
    pub fn from_section(sessions: &mut Section<'_>) -> Self {
        Self {
            workspace: sessions.seconds("workspace_seconds", 60..=90 * DAY, 7 * DAY),
            account: sessions.seconds("account_seconds", 60..=365 * DAY, 30 * DAY),
            account_idle: sessions.seconds("account_idle_seconds", 60..=365 * DAY, 7 * DAY),
        }
    }
}
