//! The question before anything that takes something away from a customer.
//!
//! Without a terminal nobody can answer: then nothing is done unless `--yes` is said.

use std::io::{self, IsTerminal as _, Write as _};

use anyhow::Context as _;
use serde_json::json;

use super::output::{Output, print_text};

/// Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotConfirmed {
    #[error("nothing was changed: {0} Say --yes to have it done without a question")]
    NobodyToAsk(String),
    #[error("nothing was changed")]
    Declined,
}

impl Output {
    /// Whether to go on. `consequence` is a sentence that says what would happen, and to
    /// whom. `false` for a dry run, which has been told what would have been done.
    ///
    /// # Errors
    /// [`NotConfirmed`].
    pub(super) fn confirms(self, consequence: &str) -> anyhow::Result<bool> {
        if self.dry_run {
            let said = json!({ "dry_run": true, "would": consequence });
            self.print(&said, |_| format!("Dry run, nothing was changed. {consequence}"))?;
            return Ok(false);
        }
        if self.yes {
            return Ok(true);
        }
        if self.json || !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return Err(NotConfirmed::NobodyToAsk(consequence.to_owned()).into());
        }
        let mut terminal = io::stderr().lock();
        write!(terminal, "{consequence}\nGo on? [y/N] ")
            .and_then(|()| terminal.flush())
            .context("cannot ask")?;
        let mut answer = String::new();
        io::stdin().read_line(&mut answer).context("cannot read the answer")?;
        match answer.trim().to_ascii_lowercase().as_str() {
            "y" | "yes" => Ok(true),
            _ => Err(NotConfirmed::Declined.into()),
        }
    }

    /// For a change that hurts nobody: `false` for a dry run.
    ///
    /// # Errors
    /// When standard output is closed.
    pub(super) fn is_meant(self, what: &str) -> anyhow::Result<bool> {
        if self.dry_run && self.json {
            print_text(&json!({ "dry_run": true, "would": what }).to_string())?;
        } else if self.dry_run {
            print_text(&format!("Dry run, nothing was changed. {what}"))?;
        }
        Ok(!self.dry_run)
    }
}
