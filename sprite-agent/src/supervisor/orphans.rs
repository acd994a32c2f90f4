//! Processes that left the gateway's group: started with `setsid`, or by
//! something that was.
//!
//! They are known by two signs: an agent that adopts orphans ([`adopt`]) is their
//! parent when theirs has ended; and the environment they were started with names
//! the gateway's folder, which is there too after an agent was killed.

use std::path::Path;

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use tracing::warn;

use super::processes::{self, Process};

/// A process that forks faster than this many looks end it has the machine for itself anyway.
const ROUNDS_MAX: usize = 20;

/// From now on this process is the parent of every orphan below it.
///
/// # Errors
/// When the kernel does not know of it; the environment tells most of them all the same.
pub fn adopt() -> std::io::Result<()> {
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    Ok(())
}

/// Ends what is left of the gateway of `state_dir`, which has ended; `child` is spared.
pub fn end(state_dir: &Path, child: Option<u32>) {
    for _ in 0..ROUNDS_MAX {
        let left = left_behind(state_dir, child);
        if left.is_empty() {
            return;
        }
        warn!("ending {} processes that the gateway left behind", left.len());
        for process in left {
            if let Some(pid) = Pid::from_raw(process.pid.cast_signed()) {
                // It may have ended meanwhile.
                let _ = kill_process(pid, Signal::KILL);
            }
        }
        bury(child);
    }
}

/// Takes notice of adopted processes that have ended; `child` is waited for elsewhere.
pub fn bury(child: Option<u32>) {
    for process in adopted(child).filter(|process| process.is_zombie) {
        if let Some(pid) = Pid::from_raw(process.pid.cast_signed()) {
            let _ = waitpid(Some(pid), WaitOptions::NOHANG);
        }
    }
}

/// Adopted processes with everything below them; `child` is looked at elsewhere.
pub fn trees(child: Option<u32>) -> impl Iterator<Item = Process> {
    adopted(child).flat_map(|process| processes::tree(process.pid))
}

fn left_behind(state_dir: &Path, child: Option<u32>) -> Vec<Process> {
    let mark = format!("OPENCLAW_STATE_DIR={}", state_dir.display());
    let marked = processes::all().into_iter().filter(|process| {
        // An operator who looks after the gateway by hand is not its remnant.
        !process.has_terminal
            && Some(process.pid) != child
            && has_in_environment(process.pid, &mark)
    });
    trees(child).chain(marked).filter(|process| !process.is_zombie).collect()
}

/// Only where this process adopts orphans: elsewhere its children are somebody else's business.
fn adopted(child: Option<u32>) -> impl Iterator<Item = Process> {
    let ours = std::process::id();
    let adopts = rustix::process::child_subreaper().is_ok_and(|adopts| adopts.is_some());
    let all = if adopts { processes::all() } else { Vec::new() };
    all.into_iter().filter(move |process| process.parent == ours && Some(process.pid) != child)
}

fn has_in_environment(pid: u32, variable: &str) -> bool {
    std::fs::read(format!("/proc/{pid}/environ"))
        .is_ok_and(|all| all.split(|byte| *byte == 0).any(|one| one == variable.as_bytes()))
}
