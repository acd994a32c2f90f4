//! Tells this process what was committed: here, or by another one.

use tokio::sync::watch;

/// What others may have to act upon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// The route table changed.
    Routes,
    /// An edge came or went.
    Edges,
    /// There is something to do.
    TasksDue,
    /// A task or a step of it began or ended.
    TasksChanged,
}

impl Topic {
    pub(in crate::store) const ALL: [Self; 4] =
        [Self::Routes, Self::Edges, Self::TasksDue, Self::TasksChanged];

    /// Its channel in this database; other databases of the server do not hear it.
    pub(in crate::store) const fn as_str(self) -> &'static str {
        match self {
            Self::Routes => "arcamatrix_route_table",
            Self::Edges => "arcamatrix_edges",
            Self::TasksDue => "arcamatrix_tasks",
            Self::TasksChanged => "arcamatrix_task_changes",
        }
    }
}

/// Numbers that grow with each event.
#[derive(Debug, Default)]
pub struct ChangeNotifier {
    due: watch::Sender<u64>,
    changes: watch::Sender<u64>,
}

impl ChangeNotifier {
    pub fn due(&self) -> watch::Receiver<u64> {
        self.due.subscribe()
    }

    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// In this process only.
    pub fn notify(&self, topic: Topic) {
        match topic {
            // The publisher wakes itself: it has to know whose change it was.
            Topic::Routes | Topic::Edges => {}
            Topic::TasksDue => self.due.send_modify(|number| *number += 1),
            Topic::TasksChanged => self.changes.send_modify(|number| *number += 1),
        }
    }
}
