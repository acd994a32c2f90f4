//! Tasks, their steps, and the leases under which they are worked at.

mod claims;
mod lease;
mod queue;
pub(super) mod steps;

pub use claims::Claimed;
pub use steps::of as steps_of;

pub use lease::{LeaseError, check_lease};
pub use queue::{TaskCount, TaskFilter, cancel, enqueue, find, lock_row, revive};

pub(super) use queue::{COLUMNS, parse};
