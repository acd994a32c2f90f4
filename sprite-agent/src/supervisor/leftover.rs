//! A gateway that outlived an agent which was killed.
//!
//! It would hold the port, and each new one would fail on it. Its process id
//! is written down with the time it was started, by which a later process of
//! the same number is told apart.

use std::fs::OpenOptions;
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use tracing::warn;

use super::processes;

const NAME: &str = "gateway.pid";

/// After SIGKILL only a process that hangs in the kernel takes longer.
const GONE_MAX: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Writes down the gateway that was just started.
///
/// # Errors
/// When it cannot be written; an agent that is killed then leaves a gateway behind.
pub fn note(folder: &Path, pid: u32) -> io::Result<()> {
    let started = started_at(pid).unwrap_or_default();
    std::fs::write(file(folder), format!("{pid} {started}\n"))
}

/// Ends the gateway that was written down last, if it still runs.
pub async fn end(folder: &Path) {
    let Some((pid, started)) = read(folder) else { return };
    let is_alive = || started_at(pid).is_some_and(|now| now == started);
    if !is_alive() {
        return;
    }
    warn!(pid, "ending the gateway that an earlier agent left behind");
    if let Some(group) = Pid::from_raw(pid.cast_signed()) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let deadline = Instant::now() + GONE_MAX;
    while is_alive() && Instant::now() < deadline {
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Believes only a file of our own: we may be root, and it says whom to kill.
fn read(folder: &Path) -> Option<(u32, u64)> {
    let mut file =
        OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW).open(file(folder)).ok()?;
    if file.metadata().ok()?.uid() != rustix::process::geteuid().as_raw() {
        return None;
    }
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    let (pid, started) = text.trim_end().split_once(' ')?;
    Some((pid.parse().ok()?, started.parse().ok()?))
}

/// `None` when there is no such process, or only what its parent has not taken notice of.
fn started_at(pid: u32) -> Option<u64> {
    processes::find(pid).filter(|process| !process.is_zombie).map(|process| process.started)
}

fn file(folder: &Path) -> PathBuf {
    folder.join(NAME)
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt as _;
    use std::process::Command;

    use super::*;

    fn sleeper() -> std::process::Child {
        Command::new("sleep").arg("600").process_group(0).spawn().unwrap()
    }

    #[tokio::test]
    async fn a_gateway_that_was_left_behind_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let mut gateway = sleeper();
        note(folder.path(), gateway.id()).unwrap();
        end(folder.path()).await;
        assert!(started_at(gateway.id()).is_none());
        gateway.wait().unwrap();
        end(folder.path()).await;
    }

    #[tokio::test]
    async fn a_later_process_of_the_same_number_is_spared() {
        let folder = tempfile::tempdir().unwrap();
        let mut other = sleeper();
        std::fs::write(file(folder.path()), format!("{} 1\n", other.id())).unwrap();
        end(folder.path()).await;
        assert!(started_at(other.id()).is_some());
        other.kill().unwrap();
        other.wait().unwrap();
    }

    #[tokio::test]
    async fn a_note_behind_a_link_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let mut other = sleeper();
        note(elsewhere.path(), other.id()).unwrap();
        std::os::unix::fs::symlink(file(elsewhere.path()), file(folder.path())).unwrap();
        end(folder.path()).await;
        assert!(started_at(other.id()).is_some());
        other.kill().unwrap();
        other.wait().unwrap();
    }
}
