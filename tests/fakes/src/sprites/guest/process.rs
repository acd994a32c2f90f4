//! Starting a process of the sprite, and ending it with all it has started.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};

pub type Environment = BTreeMap<String, String>;

/// Where commands start unless told otherwise.
pub const HOME: &str = "/home/sprite";

/// What to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    pub program: String,
    /// Begins with the name the process sees as its own.
    pub arguments: Vec<String>,
    /// All of it: nothing is inherited.
    pub environment: Environment,
    pub directory: PathBuf,
}

/// The environment of a command that asks for none of its own.
pub fn base_environment() -> Environment {
    [
        ("HOME", HOME),
        ("LANG", "C.UTF-8"),
        ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
        ("USER", "sprite"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// Starts the process as the head of a process group of its own.
///
/// # Errors
/// `NotFound` when there is no such program or no such directory.
pub fn spawn(spec: &Spec, stdin: bool) -> io::Result<Child> {
    let mut command = Command::new(&spec.program);
    if let Some(name) = spec.arguments.first() {
        command.arg0(name);
    }
    command
        .args(spec.arguments.iter().skip(1))
        .env_clear()
        .envs(&spec.environment)
        .current_dir(&spec.directory)
        .stdin(if stdin { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
}

/// Signals every process of the group headed by `leader`; one that has ended is no error.
pub fn signal_group(leader: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(leader).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(pid, signal);
    }
}

/// The code a shell would report: 128 + n for an end by signal n.
pub fn exit_code(status: ExitStatus) -> u8 {
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
    u8::try_from(code & 0xff).expect("masked to one byte")
}

/// Takes `SIGTERM` as well as `TERM`; `None` for a signal the API does not name.
pub fn signal_named(name: &str) -> Option<Signal> {
    Some(match name.strip_prefix("SIG").unwrap_or(name) {
        "INT" => Signal::INT,
        "TERM" => Signal::TERM,
        "HUP" => Signal::HUP,
        "KILL" => Signal::KILL,
        "QUIT" => Signal::QUIT,
        "USR1" => Signal::USR1,
        "USR2" => Signal::USR2,
        _ => return None,
    })
}

/// The first existing `program` of the search path; itself when it has a slash or is nowhere.
pub fn resolve(program: &str, environment: &Environment) -> String {
    if program.contains('/') {
        return program.to_owned();
    }
    let path = environment.get("PATH").map_or("/usr/bin:/bin", String::as_str);
    path.split(':')
        .map(|folder| Path::new(folder).join(program))
        .find(|candidate| candidate.is_file())
        .map_or_else(|| program.to_owned(), |found| found.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_by_signal_counts_from_128() {
        assert_eq!(exit_code(ExitStatus::from_raw(7 << 8)), 7);
        assert_eq!(exit_code(ExitStatus::from_raw(15)), 143);
    }

    #[test]
    fn signals_are_known_with_and_without_their_prefix() {
        assert_eq!(signal_named("SIGTERM"), Some(Signal::TERM));
        assert_eq!(signal_named("HUP"), Some(Signal::HUP));
        assert_eq!(signal_named("SIGSEGV"), None);
    }
}
