//! What becomes of workspaces: each change of state with all that follows from it, in
//! one transaction: tasks, letters, tickets, and the way in.
//!
//! `model/workspace/state` decides; here it is carried out.

mod lifecycle;
mod machine;
pub mod notices;
mod payment;
mod sign_up;
mod transition;

pub use lifecycle::{
    Look, end_workspace, follow_subscription, renew_workspace, workspace_is_ended,
    workspace_is_live,
};
pub use machine::replace_lost_machine;
pub use payment::{Paid, open_workspace, paid_too_late};
pub use sign_up::settle_sign_up;
pub use transition::Followed;
