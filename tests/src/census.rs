//! Which processes of this machine belong to a world.
//!
//! Everything a world starts, and everything those start in turn, has [`MARK`] in
//! its environment. Somebody who merely looks at a log in the folder has not.

use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// The variable whose value is the world's own folder.
pub const MARK: &str = "ARCAMATRIX_WORLD";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    pub pid: i32,
    pub parent: i32,
    pub command: String,
}

impl Process {
    /// SIGKILL. A process that is gone already is no error.
    pub fn kill(&self) {
        self.signal(Signal::KILL);
    }

    /// SIGSTOP: it stands still, as in a machine that sleeps.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// SIGCONT.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = Pid::from_raw(self.pid) {
            let _ = kill_process(pid, signal);
        }
    }
}

/// How long a process may be between two programs.
///
/// It takes the kernel microseconds, and a loaded machine milliseconds. Only somebody
/// who has neither arguments nor environment for good is waited for so long.
const EXEC_MAX: Duration = Duration::from_secs(1);

const PAUSE: Duration = Duration::from_millis(1);

/// The live processes of the world in `folder`.
pub fn of_world(folder: &Path) -> Vec<Process> {
    let mark = [MARK.as_bytes(), b"=", folder.as_os_str().as_encoded_bytes()].concat();
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
        .filter_map(|pid| read(&pid, &mark))
        .collect()
}

/// `None` for a process that is gone, or is none of the world's.
fn read(pid: &str, mark: &[u8]) -> Option<Process> {
    let started = Instant::now();
    loop {
        let status = Status::read(pid)?;
        let environment = std::fs::read(format!("/proc/{pid}/environ")).ok()?;
        let command = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        if environment.split(|byte| *byte == 0).any(|variable| variable == mark) {
            let command =
                String::from_utf8_lossy(&command).replace('\0', " ").trim_end().to_owned();
            return Some(Process { pid: pid.parse().ok()?, parent: status.parent, command });
        }
        // For a moment a new program has memory, and neither of the two in it yet.
        let is_between_programs = environment.is_empty() && command.is_empty();
        if !is_between_programs || started.elapsed() >= EXEC_MAX {
            return None;
        }
        std::thread::sleep(PAUSE);
    }
}

/// What `/proc/PID/stat` says of a live process.
struct Status {
    parent: i32,
}

impl Status {
    /// `None` for what has no memory, and so no program: a zombie, or a part of the kernel.
    fn read(pid: &str) -> Option<Self> {
        let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // "pid (name) state parent …", where the name may hold anything.
        let fields: Vec<&str> = status[status.rfind(')')? + 1..].split_whitespace().collect();
        let parent = fields.get(1)?.parse().ok()?;
        // The 23rd of proc(5), which counts from 1 and the pid.
        let memory_bytes: u64 = fields.get(20)?.parse().ok()?;
        (memory_bytes > 0).then_some(Self { parent })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Program;

    #[test]
    fn a_process_is_found_by_the_mark_in_its_environment() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(of_world(folder.path()), []);
        let program = Program::new("sleep", "/bin/sleep".into(), folder.path().join("log"))
            .argument("600")
            .environment(MARK, folder.path());
        // Many times: it must be found from its first moment on.
        for _ in 0..20 {
            program.start().unwrap();
            let found = of_world(folder.path());
            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!(found[0].parent, i32::try_from(std::process::id()).unwrap());
            found[0].kill();
            program.stop();
            assert_eq!(of_world(folder.path()), []);
        }
    }
}
