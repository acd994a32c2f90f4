//! Tells this process what was committed: here, or by another one.

use tokio::sync::watch;

/// What somebody may want to hear of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// The route table changed.
    Routes,
    /// There is something to do.
    TasksDue,
    /// A task or a step of it began or ended.
    TasksChanged,
}

impl Channel {
    pub(super) const ALL: [Self; 3] = [Self::Routes, Self::TasksDue, Self::TasksChanged];

    /// Its name in this database; others on the same server do not hear it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Routes => "arcamatrix_route_table",
            Self::TasksDue => "arcamatrix_tasks",
            Self::TasksChanged => "arcamatrix_task_changes",
        }
    }
}

/// Numbers that grow with each piece of news.
#[derive(Debug, Default)]
pub struct News {
    due: watch::Sender<u64>,
    changes: watch::Sender<u64>,
}

impl News {
    pub fn due(&self) -> watch::Receiver<u64> {
        self.due.subscribe()
    }

    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// In this process only.
    pub fn tell(&self, channel: Channel) {
        match channel {
            // The publisher wakes itself: it has to know whose change it was.
            Channel::Routes => {}
            Channel::TasksDue => self.due.send_modify(|number| *number += 1),
            Channel::TasksChanged => self.changes.send_modify(|number| *number += 1),
        }
    }
}
