//! The one child that there is at a time, and what it takes up with its helpers.

use std::future::pending;

use super::events::{Event, Excess, Exit};
use super::launcher::Launched;
use super::orphans;
use super::processes::{self, Process};
use crate::config::SupervisorConfig;
use crate::memory;

/// A draining gateway is killed when it has this many halves of its ceiling in use.
const FAR_ABOVE_HALVES: u64 = 3;

pub(super) struct Running {
    pub(super) role: Role,
    pub(super) launched: Launched,
}

/// What a child is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Gateway,
    Doctor,
}

impl Running {
    /// What a gateway has too much of. A doctor ends by itself.
    pub(super) fn excess(&self, config: &SupervisorConfig) -> Option<Event> {
        if self.role == Role::Doctor {
            return None;
        }
        let tree = self.tree();
        if tree.len() as u64 > config.processes_max {
            return Some(Event::ProcessesExceeded);
        }
        let used: u64 = tree.iter().filter_map(|it| memory::resident_bytes(it.pid)).sum();
        let ceiling = config.memory_max_bytes;
        if used > ceiling / 2 * FAR_ABOVE_HALVES {
            return Some(Event::MemoryExceeded(Excess::FarAbove));
        }
        (used > ceiling).then_some(Event::MemoryExceeded(Excess::Ceiling))
    }

    /// The child and its helpers, also those that left it.
    fn tree(&self) -> Vec<Process> {
        let child = self.launched.child.id();
        let mut tree = processes::tree(child);
        tree.extend(orphans::trees(Some(child)));
        tree
    }
}

/// Returns when what is running has ended; never when nothing is.
pub(super) async fn ended(running: &mut Option<Running>) -> Exit {
    match running {
        Some(running) => running.launched.child.ended().await,
        None => pending().await,
    }
}
