//! Puts what the authority looks for where it looks, and takes it away again.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;
use tokio::time::{sleep, timeout};
use tracing::warn;

use super::ProofConfig;
use crate::routes::Publisher;
use vendors::acme::{Proof, ProofKind};
use vendors::cloudflare::{Cloudflare, Record};

/// How long a hook may take for one record: an API of a registrar's answers within seconds.
const HOOK_TIMEOUT: Duration = Duration::from_secs(60);

/// How much of what a hook complains about is read.
const COMPLAINT_MAX_BYTES: u64 = 2_048;

/// Proofs that are in place.
pub(super) struct Placed<'a> {
    config: &'a ProofConfig,
    publisher: &'a Publisher,
    proofs: Vec<Proof>,
    /// At Cloudflare.
    records: Vec<Record>,
}

impl ProofConfig {
    pub(super) fn kind(&self) -> ProofKind {
        match self {
            Self::Hook { .. } | Self::Cloudflare { .. } => ProofKind::Dns,
            Self::Http => ProofKind::Http,
        }
    }
}

impl<'a> Placed<'a> {
    pub(super) fn none(config: &'a ProofConfig, publisher: &'a Publisher) -> Self {
        Self { config, publisher, proofs: Vec::new(), records: Vec::new() }
    }

    /// Puts all of them in place, and waits until they are seen. What was put there before one
    /// failed is known, and taken away by [`Placed::remove`].
    pub(super) async fn place(&mut self, proofs: &[Proof]) -> anyhow::Result<()> {
        for proof in proofs {
            self.proofs.push(proof.clone());
            match self.config {
                ProofConfig::Hook { program, .. } => call_hook(program, "add", proof).await?,
                ProofConfig::Cloudflare { url, token, .. } => {
                    let cloudflare = Cloudflare::new(url, token)?;
                    let zone = cloudflare.zone_of(&proof.name).await?;
                    let name = record_name(proof);
                    self.records.push(cloudflare.add_text(&zone, &name, &proof.record).await?);
                }
                ProofConfig::Http => self.answer_by_edges(proof).await?,
            }
        }
        if let (
            ProofConfig::Hook { propagation, .. } | ProofConfig::Cloudflare { propagation, .. },
            false,
        ) = (self.config, proofs.is_empty())
        {
            sleep(*propagation).await;
        }
        Ok(())
    }

    /// What cannot be taken away is named in the log: it proves nothing any more.
    pub(super) async fn remove(self) {
        for proof in &self.proofs {
            let removed = match self.config {
                ProofConfig::Hook { program, .. } => call_hook(program, "remove", proof).await,
                ProofConfig::Cloudflare { .. } => Ok(()),
                ProofConfig::Http => {
                    // Edges forget it by themselves.
                    self.publisher.answer_challenge(&proof.token, None).await;
                    Ok(())
                }
            };
            if let Err(error) = removed {
                warn!("the record {} was not taken away: {error:#}", record_name(proof));
            }
        }
        if let ProofConfig::Cloudflare { url, token, .. } = self.config
            && let Ok(cloudflare) = Cloudflare::new(url, token)
        {
            for record in &self.records {
                if let Err(error) = cloudflare.remove(record).await {
                    warn!("a record at cloudflare was not taken away: {error}");
                }
            }
        }
    }

    /// The authority comes to whichever edge DNS leads it to; one that is away is not led to.
    async fn answer_by_edges(&self, proof: &Proof) -> anyhow::Result<()> {
        let told = self.publisher.answer_challenge(&proof.token, Some(&proof.page)).await;
        let failed: Vec<_> = told
            .iter()
            .filter_map(|(edge, told)| told.as_ref().err().map(|why| format!("{edge}: {why}")))
            .collect();
        if failed.len() == told.len() {
            bail!("no edge answers the certificate authority: {}", failed.join("; "));
        }
        if !failed.is_empty() {
            warn!("not every edge answers the certificate authority: {}", failed.join("; "));
        }
        Ok(())
    }
}

fn record_name(proof: &Proof) -> String {
    format!("_acme-challenge.{}", proof.name)
}

/// `PROGRAM add|remove NAME TEXT`, with nothing of our environment but the path.
async fn call_hook(program: &Path, act: &str, proof: &Proof) -> anyhow::Result<()> {
    let shown = program.display();
    let mut child = Command::new(program)
        .args([act, &record_name(proof), &proof.record])
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("{shown} cannot be run"))?;
    let complaint = child.stderr.take().context("its complaints are not heard")?;
    let run = async {
        let mut said = Vec::new();
        let mut complaint = complaint.take(COMPLAINT_MAX_BYTES);
        let read = complaint.read_to_end(&mut said).await;
        // Whatever more it says, it says to nobody.
        drop(complaint);
        (child.wait().await, read.map(|_| said))
    };
    let Ok((status, said)) = timeout(HOOK_TIMEOUT, run).await else {
        bail!("{shown} {act} did not end within {HOOK_TIMEOUT:?}");
    };
    let status = status.with_context(|| format!("{shown} {act} cannot be waited for"))?;
    if status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&said.unwrap_or_default()).trim().replace('\n', " / ");
    bail!("{shown} {act} ended with {status}: {said}")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn hook(folder: &Path, lines: &str) -> std::path::PathBuf {
        let (text, path) = (folder.join("text"), folder.join("hook"));
        std::fs::write(&text, format!("#!/bin/sh\n{lines}\n")).unwrap();
        // By another process: what ours has open for writing, a child of another test may
        // have as well, and then it cannot be run.
        assert!(std::process::Command::new("cp").args([&text, &path]).status().unwrap().success());
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
        path
    }

    fn proof() -> Proof {
        let text = str::to_owned;
        Proof { name: text("arca.test"), token: text("t"), page: text("p"), record: text("-r") }
    }

    #[tokio::test]
    async fn a_hook_is_told_by_its_arguments_and_nothing_of_our_environment() {
        let folder = tempfile::tempdir().unwrap();
        let seen = folder.path().join("seen");
        let lines = format!("{{ echo \"$@\"; env | grep -c CARGO || true; }} > {}", seen.display());
        call_hook(&hook(folder.path(), &lines), "add", &proof()).await.unwrap();
        let seen = std::fs::read_to_string(seen).unwrap();
        assert_eq!(seen, "add _acme-challenge.arca.test -r\n0\n");
    }

    #[tokio::test]
    async fn a_hook_that_fails_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let failing = hook(folder.path(), "echo no such zone >&2; exit 3");
        let error = call_hook(&failing, "remove", &proof()).await.unwrap_err().to_string();
        assert!(error.contains("remove ended with exit status: 3: no such zone"), "{error}");
    }
}
