//! Control's database and key ring in one file, and back.
//!
//! The edges' own stores are not in it: they are rebuilt from here. After a restore they know
//! what came after the backup, and are asked before anybody is served from it.

mod archive;
mod back_up;
mod restore;

pub use back_up::{BackedUp, back_up};
pub use restore::{RestoreOptions, Restored, put_keys_back, restore};
