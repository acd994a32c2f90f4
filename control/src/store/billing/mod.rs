//! From a sign-up to what is paid for: sign-ups, names, workspaces, events of Stripe's.

mod orders;
pub mod receipts;
pub mod signups;
mod stripe_events;
mod subscription_list;
pub mod usernames;
mod workspace_orders;
pub mod workspaces;

pub use signups::Reserved;
pub use workspace_orders::WorkspaceOrder;
