//! Completions for shells and manual pages, made from the same description as `--help`.

use std::path::Path;

use anyhow::Context as _;
use clap::{Command, ValueEnum};
use clap_complete::Shell;
use shared::process::output;

use super::output::Output;

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum KnownShell {
    Bash,
    Zsh,
    Fish,
}

/// # Errors
/// When standard output is closed.
pub(super) fn completions(shell: KnownShell, mut command: Command) -> anyhow::Result<()> {
    let shell = match shell {
        KnownShell::Bash => Shell::Bash,
        KnownShell::Zsh => Shell::Zsh,
        KnownShell::Fish => Shell::Fish,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "control", &mut script);
    output::print(&script)
}

/// One page for each command, in section 1.
///
/// # Errors
/// When the folder cannot be made or written to.
pub(super) fn pages(folder: &Path, command: Command, output: Output) -> anyhow::Result<()> {
    if !output.is_meant(&format!("The manual pages would be written to {}.", folder.display()))? {
        return Ok(());
    }
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    clap_mangen::generate_to(command, folder)
        .with_context(|| format!("cannot write to {}", folder.display()))
}
