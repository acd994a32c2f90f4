//! Tasks as they are stored: what kind, in which state, which steps are done, and who
//! may work at them.

mod id;
pub mod kinds;
pub mod lease;
mod outcome;
mod record;
mod step;

pub use id::TaskId;
pub use kinds::Kind;
pub use lease::Lease;
pub use outcome::Outcome;
pub use record::{NewTask, Task, TaskState};
pub use step::{Step, StepState, with_those_to_come};
