//! The gateway's output, in files of a limited size.
//!
//! `gateway.log` is written; when it is full it becomes `gateway.log.1`, that
//! becomes `.2`, and the oldest is gone. A thread of its own writes: a disk that
//! hangs must not hold up the conversations, and one that is full must not hold
//! up the gateway, so what cannot be written is dropped.

use std::fs::{File, OpenOptions};
use std::io::{self, PipeReader, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use tokio::sync::oneshot;
use tracing::warn;

use super::allowance::Allowance;
use super::last_lines::LastLines;
use super::redaction::Redaction;
use crate::config::LogFiles;

const NAME: &str = "gateway.log";
const PIECE_BYTES: usize = 8 << 10;

pub(super) struct LogFile {
    files: LogFiles,
    name: &'static str,
    current: Option<File>,
    written: u64,
}

impl LogFile {
    /// Goes on where an earlier run stopped.
    pub(super) fn new(files: LogFiles, name: &'static str) -> Self {
        Self { files, name, current: None, written: 0 }
    }

    /// # Errors
    /// When the disk refuses; `bytes` are lost, the next ones may be written.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.current.is_none() {
            self.open()?;
        }
        if self.written > 0 && self.written + bytes.len() as u64 > self.files.max_bytes {
            self.rotate()?;
        }
        if let Some(file) = &mut self.current {
            file.write_all(bytes)?;
            self.written += bytes.len() as u64;
        }
        Ok(())
    }

    fn open(&mut self) -> io::Result<()> {
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW)
            .open(self.path(0))?;
        self.written = file.metadata()?.len();
        self.current = Some(file);
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        self.current = None;
        let oldest = self.files.files - 1;
        remove(&self.path(oldest))?;
        for number in (0..oldest).rev() {
            match std::fs::rename(self.path(number), self.path(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        self.open()
    }

    fn path(&self, number: u64) -> PathBuf {
        match number {
            0 => self.files.folder.join(self.name),
            _ => self.files.folder.join(format!("{}.{number}", self.name)),
        }
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Knows when everything a child said has been read.
pub struct Following(oneshot::Receiver<()>);

impl Following {
    pub async fn ended(self) {
        // The thread only ever drops its end.
        let _ = self.0.await;
    }
}

/// Writes everything that comes out of `output` into the files, without the secrets, and
/// keeps the last of it in `last_lines`.
///
/// The thread ends when the last process that holds the other end of the pipe does.
///
/// # Errors
/// When there is no thread to be had.
pub fn follow(
    mut output: PipeReader,
    files: LogFiles,
    mut redaction: Redaction,
    last_lines: LastLines,
) -> io::Result<Following> {
    let (end, ended) = oneshot::channel::<()>();
    let write_all = move || {
        let _end = end;
        let mut log = LogFile::new(files, NAME);
        let mut piece = vec![0; PIECE_BYTES];
        let mut is_failing = false;
        let mut allowance = Allowance::new(Instant::now());
        while let Ok(length @ 1..) = output.read(&mut piece) {
            let Some((dropped, kept)) = allowance.take(&piece[..length], Instant::now()) else {
                redaction.cut();
                continue;
            };
            let mut safe = told(dropped);
            safe.extend(redaction.push(kept));
            last_lines.push(&safe);
            let result = log.write(&safe);
            if let (Err(error), false) = (&result, is_failing) {
                warn!(%error, "cannot write the gateway's log; dropping its output until we can");
            }
            is_failing = result.is_err();
        }
        let mut rest = redaction.finish();
        rest.extend(told(allowance.dropped()));
        last_lines.push(&rest);
        let _ = log.write(&rest);
    };
    std::thread::Builder::new().name("gateway-log".to_owned()).spawn(write_all)?;
    Ok(Following(ended))
}

/// In the place of what was dropped.
fn told(dropped: u64) -> Vec<u8> {
    match dropped {
        0 => Vec::new(),
        bytes => format!("\n[{bytes} bytes were dropped: too many in a second]\n").into_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(folder: &Path, max_bytes: u64, files: u64) -> LogFiles {
        LogFiles { folder: folder.to_owned(), max_bytes, files }
    }

    fn contents(folder: &Path) -> Vec<(String, String)> {
        let mut all: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| {
                let text = std::fs::read_to_string(entry.path()).unwrap();
                (entry.file_name().into_string().unwrap(), text)
            })
            .collect();
        all.sort();
        all
    }

    #[test]
    fn full_files_move_on_and_the_oldest_goes() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = LogFile::new(files(folder.path(), 10, 3), NAME);
        for line in ["one\n", "two\n", "three\n", "four\n", "five\n", "six, too long for one\n"] {
            log.write(line.as_bytes()).unwrap();
        }
        let expected = [
            ("gateway.log", "six, too long for one\n"),
            ("gateway.log.1", "four\nfive\n"),
            ("gateway.log.2", "three\n"),
        ];
        assert_eq!(contents(folder.path()), expected.map(|(n, t)| (n.to_owned(), t.to_owned())));
    }

    #[test]
    fn a_new_run_goes_on_in_the_same_file() {
        let folder = tempfile::tempdir().unwrap();
        LogFile::new(files(folder.path(), 8, 1), NAME).write(b"one\n").unwrap();
        LogFile::new(files(folder.path(), 8, 1), NAME).write(b"two\n").unwrap();
        assert_eq!(contents(folder.path()), [("gateway.log".into(), "one\ntwo\n".into())]);
        LogFile::new(files(folder.path(), 8, 1), NAME).write(b"three\n").unwrap();
        assert_eq!(contents(folder.path()), [("gateway.log".into(), "three\n".into())]);
    }

    #[test]
    fn a_missing_folder_loses_lines_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("later");
        let mut log = LogFile::new(files(&missing, 100, 2), NAME);
        assert!(log.write(b"lost\n").is_err());
        std::fs::create_dir(&missing).unwrap();
        log.write(b"kept\n").unwrap();
        assert_eq!(contents(&missing), [("gateway.log".into(), "kept\n".into())]);
    }
}
