//! One process of ours: started, stopped, killed, started again.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};

/// How long a program may take to end after SIGTERM before it is killed.
///
/// Longer than any drain that the harness configures.
const STOP_GRACE: Duration = Duration::from_secs(20);

const PAUSE: Duration = Duration::from_millis(5);

/// A command line that can be run again and again, at most once at a time.
#[derive(Debug)]
pub struct Program {
    name: String,
    file: Mutex<PathBuf>,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    log: PathBuf,
    child: Mutex<Option<Child>>,
}

impl Program {
    /// Nothing runs yet. Output goes to the end of `log`.
    pub fn new(name: &str, file: PathBuf, log: PathBuf) -> Self {
        Self {
            name: name.to_owned(),
            file: Mutex::new(file),
            arguments: Vec::new(),
            environment: Vec::new(),
            log,
            child: Mutex::new(None),
        }
    }

    #[must_use]
    pub fn argument(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    #[must_use]
    pub fn environment(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Does nothing when it runs already.
    ///
    /// # Errors
    /// When the log cannot be written or the program cannot be run.
    pub fn start(&self) -> anyhow::Result<()> {
        let mut child = self.child();
        if child.is_some() {
            return Ok(());
        }
        let log = File::options().create(true).append(true).open(&self.log);
        let log = log.with_context(|| format!("open {}", self.log.display()))?;
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut command = Command::new(&file);
        command.args(&self.arguments).env_clear();
        for name in ["PATH", "HOME", "RUST_LOG", "RUST_BACKTRACE"] {
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        command.envs(self.environment.iter().cloned());
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        // Ctrl-C in a terminal is for us; we end the others in our own order.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        *child = Some(command.spawn().with_context(|| format!("run {}", file.display()))?);
        Ok(())
    }

    /// The next start runs `file`, of another release.
    pub fn exchange(&self, file: PathBuf) {
        *self.file.lock().unwrap_or_else(PoisonError::into_inner) = file;
    }

    pub fn pid(&self) -> Option<u32> {
        self.child().as_ref().map(Child::id)
    }

    /// # Errors
    /// With the last lines of its log, when it has ended by itself.
    pub fn ensure_running(&self) -> anyhow::Result<()> {
        match self.ended()? {
            None => Ok(()),
            Some(status) => bail!("{} ended with {status}:\n{}", self.name, self.last_lines()),
        }
    }

    /// How it ended by itself; `None` while it runs.
    ///
    /// # Errors
    /// When it was not started.
    pub fn ended(&self) -> anyhow::Result<Option<ExitStatus>> {
        match self.child().as_mut() {
            None => bail!("{} is not started", self.name),
            Some(child) => Ok(child.try_wait()?),
        }
    }

    /// SIGHUP, at which a program reads its keys again.
    pub fn ask_to_reload(&self) {
        self.signal(Signal::HUP);
    }

    /// SIGSTOP: it stands still, and its connections with it, as in a machine that sleeps.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// SIGCONT.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// SIGTERM; the caller waits with [`Self::stop`].
    pub fn ask_to_stop(&self) {
        self.signal(Signal::TERM);
    }

    /// SIGTERM, then SIGKILL after [`STOP_GRACE`]. Returns `None` when nothing ran.
    pub fn stop(&self) -> Option<ExitStatus> {
        self.ask_to_stop();
        self.reap(STOP_GRACE)
    }

    /// SIGKILL, as a crash or the kernel would.
    pub fn kill(&self) {
        self.signal(Signal::KILL);
        self.reap(STOP_GRACE);
    }

    /// Up to 20 lines from the end of the log.
    pub fn last_lines(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    fn signal(&self, signal: Signal) {
        if let Some(child) = self.child().as_mut()
            && matches!(child.try_wait(), Ok(None))
        {
            // A child that we have not waited for keeps its pid: no stranger is hit.
            let _ = kill_process(Pid::from_child(child), signal);
        }
    }

    fn reap(&self, grace: Duration) -> Option<ExitStatus> {
        let mut child = self.child().take()?;
        let started = Instant::now();
        loop {
            match child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if started.elapsed() < grace => std::thread::sleep(PAUSE),
                _ => break,
            }
        }
        eprintln!("{} did not end within {grace:?} of SIGTERM; killing it", self.name);
        let _ = child.kill();
        child.wait().ok()
    }

    fn child(&self) -> std::sync::MutexGuard<'_, Option<Child>> {
        self.child.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> (tempfile::TempDir, Program) {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let program = Program::new("shell", "/bin/sh".into(), log).argument("-c").argument(script);
        program.start().unwrap();
        (folder, program)
    }

    #[test]
    fn a_program_that_ends_early_tells_its_last_words() {
        let (_folder, program) = shell("echo nothing to do; exit 3");
        let error = loop {
            if let Err(error) = program.ensure_running() {
                break error.to_string();
            }
        };
        assert!(error.contains("exit status: 3") && error.ends_with("nothing to do"), "{error}");
    }

    #[test]
    fn a_stopped_program_can_be_started_again() {
        let (_folder, program) = shell("exec sleep 600");
        let first = program.pid();
        assert!(program.stop().is_some());
        assert_eq!(program.pid(), None);
        program.start().unwrap();
        assert!(program.pid().is_some() && program.pid() != first);
    }
}
