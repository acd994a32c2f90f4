//! How many exports are under way, and of whom.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use shared::Username;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Of one control process. Each costs a socket and some blocks of memory, and a machine that
/// is awake.
const AT_ONCE: usize = 8;

/// Who has an export under way in this process.
pub struct ExportSlots {
    slots: Arc<Semaphore>,
    running: Arc<Mutex<HashSet<Username>>>,
}

#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// One is enough for each workspace.
    #[error("an export of this workspace is under way")]
    Running,
    #[error("too many exports are under way")]
    Busy,
    #[error("the machine gave nothing out: {0}")]
    Failed(String),
    /// Its agent is from before there were archives.
    #[error("the machine's agent knows no --export")]
    AgentTooOld,
    /// The rest was asked for of an archive that would be another one now.
    #[error("something in the workspace has changed since the archive was begun")]
    Changed,
}

/// Given back on drop.
pub struct ExportSlot {
    pub(super) username: Username,
    running: Arc<Mutex<HashSet<Username>>>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for ExportSlot {
    fn drop(&mut self) {
        if let Ok(mut running) = self.running.lock() {
            running.remove(&self.username);
        }
    }
}

impl Default for ExportSlots {
    fn default() -> Self {
        Self { slots: Arc::new(Semaphore::new(AT_ONCE)), running: Arc::default() }
    }
}

impl ExportSlots {
    pub(super) fn enter(&self, username: Username) -> Result<ExportSlot, ExportError> {
        let permit = self.slots.clone().try_acquire_owned().map_err(|_| ExportError::Busy)?;
        let mut running = self.running.lock().expect("nothing panics while it holds the list");
        if !running.insert(username) {
            return Err(ExportError::Running);
        }
        Ok(ExportSlot { username, running: self.running.clone(), _permit: permit })
    }
}
