//! The programs under test, built by the same cargo as this one.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

pub struct Programs {
    pub edge: PathBuf,
    pub agent: PathBuf,
    pub nginx: PathBuf,
    /// Compared as well where it is installed.
    pub haproxy: Option<PathBuf>,
    /// Load by others, where they are installed.
    pub wrk: Option<PathBuf>,
    pub h2load: Option<PathBuf>,
    /// Slow clients, where it is installed.
    pub slowhttptest: Option<PathBuf>,
}

impl Programs {
    /// Builds ours with `profile` and looks for the others.
    ///
    /// # Errors
    /// When ours do not compile, or nginx is not installed.
    pub fn prepare(profile: &str) -> anyhow::Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("our own folder")?;
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let status = Command::new(cargo)
            // Built with this program, all three share their dependencies.
            .args(["build", "--profile", profile, "--bins", "--package", "benches"])
            .args(["--package", "edge", "--package", "sprite-agent"])
            .current_dir(root)
            .status()
            .context("running cargo build")?;
        if !status.success() {
            bail!("edge and sprite-agent do not compile with profile {profile}");
        }
        // Cargo's own name for the folder of its profile `dev`.
        let folder = target_folder()?.join(if profile == "dev" { "debug" } else { profile });
        let nginx =
            installed("nginx").context("nginx is not installed: apt install nginx-light")?;
        Ok(Self {
            edge: folder.join("edge"),
            agent: folder.join("sprite-agent"),
            nginx,
            haproxy: installed("haproxy"),
            wrk: installed("wrk"),
            h2load: installed("h2load"),
            slowhttptest: installed("slowhttptest"),
        })
    }
}

/// `target`, in whose folder of a profile this program lies.
///
/// # Errors
/// When it was moved elsewhere.
pub fn target_folder() -> anyhow::Result<PathBuf> {
    let program = env::current_exe().context("asking where this program lies")?;
    let folder = program.parent().and_then(Path::parent);
    Ok(folder.context("this program lies in no target folder")?.to_owned())
}

fn installed(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    // Where Debian keeps servers; not on everybody's PATH.
    let folders = env::split_paths(&path).chain(["/usr/sbin".into()]);
    folders.map(|folder| folder.join(name)).find(|file| file.is_file())
}
