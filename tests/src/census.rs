//! Which processes of this machine belong to a state folder.
//!
//! Everything a world starts, and everything those start in turn, has the
//! folder's path on its command line or in its environment.

use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};

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

/// The live processes that mention `folder`, without the caller's own.
pub fn of_folder(folder: &Path) -> Vec<Process> {
    let own = std::process::id().to_string();
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|pid| pid.bytes().all(|byte| byte.is_ascii_digit()) && *pid != own)
        .filter_map(|pid| read(&pid, folder.as_os_str().as_encoded_bytes()))
        .collect()
}

fn read(pid: &str, needle: &[u8]) -> Option<Process> {
    let mentions = |text: &[u8]| text.windows(needle.len()).any(|window| window == needle);
    let command = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    if !mentions(&command) && !mentions(&environment) {
        return None;
    }
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
    fn a_process_is_found_by_the_folder_in_its_environment() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(of_folder(folder.path()), []);
        let program = Program::new("sleep", "/bin/sleep".into(), folder.path().join("log"))
            .argument("600")
            .environment("STATE", folder.path());
        program.start().unwrap();
        let found = of_folder(folder.path());
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].parent, i32::try_from(std::process::id()).unwrap());
        found[0].kill();
        program.stop();
        assert_eq!(of_folder(folder.path()), []);
    }
}
