//! `sprite-agent --export`: everything that the customer has in this machine, as one archive.
//!
//! A process of its own that the provider runs: it needs neither the gateway nor the agent's
//! port, so that a workspace whose services are stopped can be taken out as well. The archive
//! goes to the output as it is made; nothing is held in memory but one block of one file.
//!
//! The assistant may change files and exchange folders for links while we walk, and we may
//! be root: nothing is opened but by its name in a folder that is open already, and no link
//! is ever followed. What is left out, and why, stands in the archive itself.

mod archive;
mod contents;
mod limits;
mod masked;
mod report;
mod rules;
mod settings_text;
mod tree;
mod walk;

use std::io::Write;
use std::path::Path;

use anyhow::Context as _;

use crate::config::Config;
use archive::Archive;
use report::Report;
use tree::Tree;
use walk::Walk;

pub use limits::ExportLimits;

/// Writes the archive to `output`. `home` is what the customer has beside the gateway's
/// folder; the agent's own folder, which holds `config_path`, is no part of it.
///
/// # Errors
/// The gateway's folder is not there, or `output` does not take it. What cannot be read of
/// the customer's is no error: it is said in the archive.
pub fn write(
    config: &Config,
    config_path: &Path,
    home: Option<&Path>,
    limits: ExportLimits,
    output: impl Write,
) -> anyhow::Result<()> {
    let supervisor = config.supervisor.as_ref().context("no gateway is kept in this machine")?;
    let mut archive = Archive::new(output, secrets(config));
    let mut report = Report::default();
    archive.add_text("README.txt", &report::read_me(config.username.as_str()))?;
    // Whoever waits for it sees that it has begun, however long the first file takes.
    archive.flush()?;
    let state = supervisor.state_dir.as_path();
    let own = [config_path.parent(), Some(supervisor.log.folder.as_path())];
    let own: Vec<&Path> = own.into_iter().flatten().collect();
    let mut walk = Walk::new(&mut archive, &mut report, limits);
    walk.tree(Tree::Gateway, state, &own)?;
    if let Some(home) = home {
        let but: Vec<&Path> = own.iter().copied().chain([state]).collect();
        walk.tree(Tree::Home, home, &but)?;
    }
    archive.add_text("REPORT.txt", &report.text())?;
    archive.finish()
}

/// What is ours or the operator's, wherever the assistant may have written it down.
fn secrets(config: &Config) -> Vec<String> {
    let environment = config.supervisor.iter().flat_map(|supervisor| &supervisor.environment);
    let keys = environment.filter(|(name, _)| rules::is_secret_name(name));
    let tokens = [config.gateway.token.expose().clone(), config.health_token.expose().clone()];
    tokens.into_iter().chain(keys.map(|(_, value)| value.clone())).collect()
}
