//! Which processes of this machine belong to a world.
//!
//! Everything a world starts, and everything those start in turn, has [`MARK`] in
//! its environment. Somebody who merely looks at a log in the folder has not.

use std::path::Path;

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
        if let Some(pid) = Pid::from_raw(self.pid) {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

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

fn read(pid: &str, mark: &[u8]) -> Option<Process> {
    let environment = std::fs::read(format!("/proc/{pid}/environ")).ok()?;
    if !environment.split(|byte| *byte == 0).any(|variable| variable == mark) {
        return None;
    }
    let command = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // "pid (name) state parent …", where the name may hold anything.
    let mut fields = status[status.rfind(')')? + 1..].split_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    if state == "Z" {
        return None;
    }
    let command = String::from_utf8_lossy(&command).replace('\0', " ").trim_end().to_owned();
    Some(Process { pid: pid.parse().ok()?, parent, command })
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
        program.start().unwrap();
        let found = of_world(folder.path());
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].parent, i32::try_from(std::process::id()).unwrap());
        found[0].kill();
        program.stop();
        assert_eq!(of_world(folder.path()), []);
    }
}
