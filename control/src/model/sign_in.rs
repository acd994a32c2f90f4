//! Who has signed in.

use shared::Username;

/// Somebody whose password was right, and when: what ended their sessions since
/// then has raised the epoch, and ends what is opened for them now as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proven {
    pub username: Username,
    pub epoch: u64,
}
