//! Sprites that stand ready, so that nobody waits for one to be made.
//!
//! `inventory` decides (pure); `reconciler` looks, and carries out; `prepare` is
//! the task that makes one.

pub mod alarm;
mod destroy;
mod examiner;
pub mod inventory;
mod prepare;
pub mod reconciler;
mod settle;

pub use destroy::destroy;
pub use inventory::Orphan;
pub use prepare::Prepare;
pub use reconciler::PoolReconciler;
pub use settle::settle_preparations;
