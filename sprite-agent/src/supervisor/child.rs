//! One child process and everything it starts.

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Command;

use super::account::Account;
use super::events::Exit;

/// Before the agent, which is small, has the customer's connections and can say what happened.
const DIES_FIRST: &str = "500";

/// In a process group of its own, so that its helpers end with it.
pub struct Child {
    process: tokio::process::Child,
    group: Pid,
}

/// What to run, and as whom.
pub struct Program<'a> {
    /// Program and arguments, at least the program.
    pub command: &'a [String],
    pub environment: &'a [(String, String)],
    pub folder: &'a Path,
    pub account: Option<&'a Account>,
}

impl Child {
    /// Standard output and standard error both go into `output`, in their order.
    ///
    /// # Errors
    /// When the program cannot be executed.
    pub fn start(program: &Program<'_>, output: io::PipeWriter) -> io::Result<Self> {
        let (name, arguments) = program.command.split_first().ok_or(io::ErrorKind::NotFound)?;
        let mut command = Command::new(name);
        command
            .args(arguments)
            .env_clear()
            .envs(program.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(program.folder)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0)
            .kill_on_drop(true);
        if let Some(account) = program.account {
            command.uid(account.uid).gid(account.gid);
        }
        let process = command.spawn()?;
        let group = process
            .id()
            .and_then(|id| Pid::from_raw(id.cast_signed()))
            .expect("a child that was just started has an id");
        let child = Self { process, group };
        // Where it cannot be said, the kernel chooses by size, which is the gateway too.
        let adjustment = format!("/proc/{}/oom_score_adj", child.id());
        let _ = std::fs::write(adjustment, DIES_FIRST);
        Ok(child)
    }

    pub fn id(&self) -> u32 {
        self.group.as_raw_nonzero().get().cast_unsigned()
    }

    /// Asks the program, and nobody else in its group, to end.
    pub fn terminate(&self) {
        let _ = rustix::process::kill_process(self.group, Signal::TERM);
    }

    pub fn kill(&self) {
        // An error means that nobody is left, which is what we want.
        let _ = kill_process_group(self.group, Signal::KILL);
    }

    /// Returns when the program has ended, and ends what it left behind.
    pub async fn ended(&mut self) -> Exit {
        let status = self.process.wait().await;
        self.kill();
        match status.map(|status| (status.code(), status.signal())) {
            Ok((Some(code), _)) => Exit::Code(code),
            Ok((None, Some(signal))) => Exit::Signal(signal),
            Ok((None, None)) | Err(_) => Exit::NeverStarted,
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.process.id().is_some() {
            self.kill();
        }
    }
}
