//! What becomes of a task after an attempt at it.

use crate::base::clock::Moment;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// Not before `at`. An attempt that `counts` brings the task nearer to its end.
    Later {
        at: Moment,
        counts: bool,
        why: String,
    },
    Dead {
        why: String,
    },
    /// Another worker has the task: this one has nothing to write.
    Lost,
}

impl Outcome {
    /// As metrics name it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Later { counts: true, .. } => "failed",
            Self::Later { counts: false, .. } => "waited",
            Self::Dead { .. } => "dead",
            Self::Lost => "lost",
        }
    }
}
