//! One JSON line for each request, written by a thread of its own.
//!
//! Only the path is written, never the query: sign-in codes travel in queries.

use std::fs::OpenOptions;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;

use anyhow::Context as _;
use prometheus::IntCounter;

use crate::limits::LOG_QUEUE_LINES;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    Off,
    StandardOutput,
    File(PathBuf),
}

impl Destination {
    /// `off`, `-` for standard output, or a path.
    pub fn parse(text: &str) -> Self {
        match text {
            "off" => Self::Off,
            "-" => Self::StandardOutput,
            path => Self::File(path.into()),
        }
    }
}

pub(crate) struct AccessLog {
    lines: Option<SyncSender<Vec<u8>>>,
    dropped: IntCounter,
}

impl AccessLog {
    /// `dropped` counts the lines for which there was no room.
    ///
    /// # Errors
    /// When the file cannot be opened for appending.
    pub(crate) fn open(destination: &Destination, dropped: IntCounter) -> anyhow::Result<Self> {
        let sink: Box<dyn Write + Send> = match destination {
            Destination::Off => return Ok(Self { lines: None, dropped }),
            Destination::StandardOutput => Box::new(std::io::stdout()),
            Destination::File(path) => Box::new(
                OpenOptions::new()
                    .create(true)
                    .append(true)
                    .open(path)
                    .with_context(|| format!("opening the access log {}", path.display()))?,
            ),
        };
        let (sender, receiver) = sync_channel(LOG_QUEUE_LINES);
        thread::Builder::new()
            .name("access-log".into())
            .spawn(move || write_lines(&receiver, sink))
            .context("starting the access log")?;
        Ok(Self { lines: Some(sender), dropped })
    }

    pub(crate) fn is_on(&self) -> bool {
        self.lines.is_some()
    }

    /// Hands `line`, which ends in a newline, to the writer. Never waits.
    pub(crate) fn write(&self, line: Vec<u8>) {
        let Some(lines) = &self.lines else { return };
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = lines.try_send(line) {
            self.dropped.inc();
        }
    }
}

/// Writes until the edge ends; flushes whenever there is nothing more to write.
fn write_lines(lines: &Receiver<Vec<u8>>, sink: Box<dyn Write + Send>) {
    let mut sink = BufWriter::new(sink);
    while let Ok(line) = lines.recv() {
        let mut result = sink.write_all(&line);
        while let Ok(line) = lines.try_recv() {
            result = result.and_then(|()| sink.write_all(&line));
        }
        if let Err(error) = result.and_then(|()| sink.flush()) {
            tracing::error!(%error, "the access log cannot be written; it ends here");
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_reach_the_file_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.log");
        let dropped = IntCounter::new("dropped", "dropped").unwrap();
        let log = AccessLog::open(&Destination::File(path.clone()), dropped.clone()).unwrap();
        for number in 0..100 {
            log.write(format!("{number}\n").into_bytes());
        }
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        let expected: String = (0..100).map(|number| format!("{number}\n")).collect();
        while std::fs::read_to_string(&path).unwrap() != expected {
            assert!(std::time::Instant::now() < deadline, "the lines did not arrive");
            std::thread::yield_now();
        }
        assert_eq!(dropped.get(), 0);
    }
}
