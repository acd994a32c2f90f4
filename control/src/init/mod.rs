//! The configuration of a new installation on one machine, out of a few answers.
//!
//! Nothing is written before all of it is known to be right: what is written is what `serve`
//! accepts. Nothing is written over anything.

mod answers;
mod files;
mod given;
mod origin;
mod questions;
mod templates;
mod toml_text;

pub use answers::Answers;
pub use files::{Written, write};
pub use questions::QUESTIONS;
pub use toml_text::quoted;

use std::path::Path;

use shared::process::Complaints;

/// `path` is named in complaints about `text`.
///
/// # Errors
/// Every complaint at once: about the answers, or about the configuration they make.
pub fn check(path: &Path, text: String) -> Result<Answers, Complaints> {
    answers::read(path, text)
}
