//! `sprite-agent --export`: everything that the customer has in this machine, as one archive.
//!
//! A process of its own that the provider runs: it needs neither the gateway nor the agent's
//! port, so that a workspace whose services are stopped can be taken out as well. The archive
//! goes to the output as it is made; nothing is held in memory but one block of one file.
//!
//! The assistant may change files and exchange folders for links while we walk, and we may
//! be root: nothing is opened but by its name in a folder that is open already, and no link
//! is ever followed. What is left out, and why, stands in the archive itself.
//!
//! What breaks off is taken up by `--from` and the mark that the archive begins with, as long as
//! nothing has changed.

mod archive;
mod contents;
mod limits;
mod masked;
mod report;
mod resume;
mod rules;
mod settings_text;
mod stored;
mod tree;
mod walk;

use std::cell::Cell;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::Context as _;

use crate::config::Config;
use archive::Archive;
use report::Report;
use resume::{Rest, Survey};
use tree::Tree;
use walk::Walk;

pub use limits::ExportLimits;

/// Pieces in which it leaves us: one block and what is written around it.
const PIECE_BYTES: usize = 80 << 10;

/// Of what an archive is made. `home` is what the customer has beside the gateway's folder; the
/// agent's own folder, which holds `config_path`, is no part of it.
#[derive(Clone, Copy)]
pub struct Export<'a> {
    pub config: &'a Config,
    pub config_path: &'a Path,
    pub home: Option<&'a Path>,
    pub limits: ExportLimits,
}

/// What became of the wish for the rest of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resumed {
    Whole,
    /// It would be another archive now. Nothing was written.
    Changed,
}

impl Export<'_> {
    /// Writes the archive to `output`.
    ///
    /// # Errors
    /// The gateway's folder is not there, or `output` does not take it. What cannot be read of
    /// the customer's is no error: it is said in the archive.
    pub fn write(&self, output: impl Write) -> anyhow::Result<()> {
        let Survey { mark, .. } = self.survey()?;
        let output = BufWriter::with_capacity(PIECE_BYTES, output);
        let mut archive = Archive::begin(output, secrets(self.config), &mark)?;
        self.fill(&mut archive)?;
        archive.finish().map(drop)
    }

    /// Writes what comes after the first `from` bytes of the archive that began with `mark`,
    /// behind a line with the length of the whole archive.
    ///
    /// # Errors
    /// As [`Export::write`].
    pub fn resume<W: Write>(&self, mark: &str, from: u64, output: W) -> anyhow::Result<Resumed> {
        let survey = self.survey()?;
        if survey.mark != mark || from >= survey.bytes {
            return Ok(Resumed::Changed);
        }
        let (has_changed, has_begun) = (Cell::new(false), Cell::new(false));
        // What was skipped has been read again: what we go on with must belong to it.
        let may_go_on = |output: &mut W| {
            has_changed.set(self.survey().map_err(io::Error::other)? != survey);
            if has_changed.get() {
                return Err(io::Error::other("a file has changed"));
            }
            writeln!(output, "{}", survey.bytes)
        };
        let rest = Rest::new(output, from, may_go_on, &has_begun);
        let rest = BufWriter::with_capacity(PIECE_BYTES, rest);
        let mut archive = Archive::begin(rest, secrets(self.config), mark)?;
        let filled = self.fill(&mut archive).and_then(|()| archive.finish().map(drop));
        if has_changed.get() { Ok(Resumed::Changed) } else { filled.map(|()| Resumed::Whole) }
    }

    fn survey(&self) -> anyhow::Result<Survey> {
        let mut archive = Archive::survey(secrets(self.config))?;
        self.fill(&mut archive)?;
        archive.surveyed()
    }

    fn fill<W: Write>(&self, archive: &mut Archive<W>) -> anyhow::Result<()> {
        let Self { config, config_path, home, limits } = *self;
        let supervisor =
            config.supervisor.as_ref().context("no gateway is kept in this machine")?;
        let mut report = Report::default();
        archive.add_text("README.txt", &report::read_me(config.username.as_str()))?;
        // Whoever waits for it sees that it has begun, however long the first file takes.
        archive.flush()?;
        let state = supervisor.state_dir.as_path();
        let own = [config_path.parent(), Some(supervisor.log.folder.as_path())];
        let own: Vec<&Path> = own.into_iter().flatten().collect();
        let mut walk = Walk::new(archive, &mut report, limits);
        walk.tree(Tree::Gateway, state, &own)?;
        if let Some(home) = home {
            let but: Vec<&Path> = own.iter().copied().chain([state]).collect();
            walk.tree(Tree::Home, home, &but)?;
        }
        archive.add_text("REPORT.txt", &report.text())
    }
}

/// What is ours or the operator's, wherever the assistant may have written it down.
fn secrets(config: &Config) -> Vec<String> {
    let environment = config.supervisor.iter().flat_map(|supervisor| &supervisor.environment);
    let keys = environment.filter(|(name, _)| rules::is_secret_name(name));
    let tokens = [config.gateway.token.expose().clone(), config.health_token.expose().clone()];
    tokens.into_iter().chain(keys.map(|(_, value)| value.clone())).collect()
}
