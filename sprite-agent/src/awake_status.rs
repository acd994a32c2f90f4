//! Why this machine is held awake, and when the assistant next has something to do.
//! One task writes it; health tells it, and notes that it was told.

use std::sync::{Mutex, MutexGuard};

use tokio::sync::Notify;

/// A closed list, for health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The gateway is on its way up: what it has to do is not known yet.
    Starting,
    /// A turn, a tool or something else that the assistant has begun runs.
    Working,
    /// Something that is scheduled begins within minutes.
    Due,
    /// Control has not yet been told when to wake this machine.
    Untold,
}

impl Why {
    pub fn label(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Working => "working",
            Self::Due => "due",
            Self::Untold => "untold",
        }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Known {
    /// Why the machine is held awake at the moment.
    pub held: Option<Why>,
    /// Unix seconds.
    pub next_due: Option<u64>,
    /// Whether the gateway has been asked what is due: before, `None` says nothing.
    pub is_known: bool,
    /// What control was told last.
    pub told: Option<u64>,
}

#[derive(Debug, Default)]
pub struct AwakeStatus {
    known: Mutex<Known>,
    /// Somebody asked how we are: the machine may just have been woken.
    asked: Notify,
}

impl AwakeStatus {
    pub fn known(&self) -> Known {
        *self.lock()
    }

    /// For control, which now knows.
    pub fn tell(&self) -> Known {
        let mut known = self.lock();
        if known.is_known {
            known.told = known.next_due;
        }
        self.asked.notify_one();
        *known
    }

    pub fn set(&self, held: Option<Why>, next_due: Option<u64>) {
        let mut known = self.lock();
        (known.held, known.next_due, known.is_known) = (held, next_due, true);
    }

    pub fn set_held(&self, held: Option<Why>) {
        self.lock().held = held;
    }

    /// Returns when [`Self::tell`] was called since.
    pub async fn asked(&self) {
        self.asked.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().expect("nothing panics while it holds the lock")
    }
}
