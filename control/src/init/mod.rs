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

pub use answers::Answers;
pub use files::{Written, write};
pub use questions::QUESTIONS;

use std::path::Path;

use shared::process::Complaints;

/// As TOML writes a text. The marks that Rust would write are no TOML.
pub fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// `path` is named in complaints about `text`.
///
/// # Errors
/// Every complaint at once: about the answers, or about the configuration they make.
pub fn check(path: &Path, text: String) -> Result<Answers, Complaints> {
    answers::read(path, text)
}
