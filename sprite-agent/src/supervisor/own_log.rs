//! The agent's own log: on standard error, as ever, and in `agent.log` beside the
//! gateway's, in files of the same size and number, without the same secrets.
//!
//! A thread of its own writes the file. What it cannot take in time, because a
//! disk hangs, is on standard error only.

use std::io::{self, Write};
use std::sync::mpsc::{SyncSender, sync_channel};

use shared::Secret;
use tracing_subscriber::fmt::MakeWriter;

use super::log_file::LogFile;
use super::redaction::Redaction;
use crate::config::LogFiles;

const NAME: &str = "agent.log";

/// Lines that wait for the disk: some seconds of a bad day.
const WAITING_MAX: usize = 1_024;

/// Where log lines go. Clones write to the same files.
#[derive(Clone)]
pub struct OwnLog {
    lines: Option<SyncSender<Vec<u8>>>,
}

impl OwnLog {
    /// Without `files`: to standard error only.
    pub fn open(files: Option<LogFiles>, secrets: &[&Secret<String>]) -> Self {
        let secrets: Vec<_> = secrets.iter().map(|secret| (*secret).clone()).collect();
        let lines = files.and_then(|files| {
            let (lines, waiting) = sync_channel::<Vec<u8>>(WAITING_MAX);
            let write_all = move || {
                let mut log = LogFile::new(files, NAME);
                while let Ok(line) = waiting.recv() {
                    let texts = secrets.iter().map(|secret| secret.expose().as_str());
                    // A full disk is told of elsewhere; the line is on standard error.
                    let _ = log.write(&Redaction::new(texts).whole(&line));
                }
            };
            let thread = std::thread::Builder::new().name("agent-log".to_owned());
            thread.spawn(write_all).ok().map(|_| lines)
        });
        Self { lines }
    }
}

impl<'a> MakeWriter<'a> for OwnLog {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Write for OwnLog {
    /// Called once for each line.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if let Some(lines) = &self.lines {
            // Full: the disk hangs.
            let _ = lines.try_send(line.to_vec());
        }
        io::stderr().write_all(line)?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn lines_are_kept_without_secrets() {
        let folder = tempfile::tempdir().unwrap();
        let files = LogFiles { folder: folder.path().to_owned(), max_bytes: 1 << 20, files: 2 };
        let secret = Secret::new("sesame-open".to_owned());
        let mut log = OwnLog::open(Some(files), &[&secret]);
        log.write_all(b"the door says sesame-open\n").unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        let path = folder.path().join(NAME);
        while std::fs::read_to_string(&path).unwrap_or_default() != "the door says ***\n" {
            assert!(Instant::now() < deadline, "{:?}", std::fs::read_to_string(&path));
            std::thread::yield_now();
        }
    }
}
