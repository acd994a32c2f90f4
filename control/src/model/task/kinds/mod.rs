//! Each kind of task: its steps, its limits, and what a task of it carries.
//!
//! Steps and payloads are stored: a program of another release reads them.

mod catalogue;
mod mail;
mod prepare;
mod provision;
mod recycle;
mod spec;
mod stripe;
mod ticket;
mod trial;
mod update;

pub use mail::SendMail;
pub use prepare::PrepareSprite;
pub use provision::ProvisionWorkspace;
pub use recycle::RecycleWorkspace;
pub use spec::{Payload, Spec, StepName};
pub use stripe::{SyncStripe, SyncTarget};
pub use ticket::OpenTicket;
pub use trial::TryBase;
pub use update::UpdateWorkspace;
