//! One JSON line for each request, written by a thread of its own.
//!
//! Only the path is written, never the query: sign-in codes travel in queries. A
//! disk that is full or slow costs lines, which are counted, and nothing else;
//! when it takes lines again they are written again.

use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use anyhow::Context as _;
use prometheus::IntCounter;

use crate::limits::{LOG_QUEUE_BYTES, LOG_QUEUE_LINES};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    Off,
    StandardOutput,
    File(PathBuf),
}

impl Destination {
    /// `off`, `-` for standard output, or a path.
    pub(crate) fn parse(text: &str) -> Self {
        match text {
            "off" => Self::Off,
            "-" => Self::StandardOutput,
            path => Self::File(path.into()),
        }
    }

    fn open(&self) -> io::Result<Box<dyn Write + Send>> {
        Ok(match self {
            Self::Off => Box::new(io::sink()),
            Self::StandardOutput => Box::new(io::stdout()),
            Self::File(path) => Box::new(OpenOptions::new().create(true).append(true).open(path)?),
        })
    }
}

pub(crate) struct AccessLog {
    queue: Option<SyncSender<Message>>,
    /// Bytes that wait in the queue.
    waiting: Arc<AtomicUsize>,
    dropped: IntCounter,
}

enum Message {
    Line(Vec<u8>),
    /// The file was moved away; its name is opened anew.
    Reopen,
}

impl AccessLog {
    /// `dropped` counts the lines that were lost.
    ///
    /// # Errors
    /// When the file cannot be opened for appending.
    pub(crate) fn open(destination: &Destination, dropped: IntCounter) -> anyhow::Result<Self> {
        let waiting = Arc::<AtomicUsize>::default();
        if *destination == Destination::Off {
            return Ok(Self { queue: None, waiting, dropped });
        }
        let sink = destination
            .open()
            .with_context(|| format!("opening the access log {destination:?}"))?;
        let (sender, receiver) = sync_channel(LOG_QUEUE_LINES);
        let writer = Writer {
            destination: destination.clone(),
            sink: Some(BufWriter::new(sink)),
            waiting: Arc::clone(&waiting),
            dropped: dropped.clone(),
        };
        thread::Builder::new()
            .name("access-log".into())
            .spawn(move || writer.run(&receiver))
            .context("starting the access log")?;
        Ok(Self { queue: Some(sender), waiting, dropped })
    }

    pub(crate) fn is_on(&self) -> bool {
        self.queue.is_some()
    }

    /// Hands `line`, which ends in a newline, to the writer. Never waits.
    pub(crate) fn write(&self, line: Vec<u8>) {
        let Some(queue) = &self.queue else { return };
        let length = line.len();
        let before = self.waiting.fetch_add(length, Ordering::Relaxed);
        if before + length > LOG_QUEUE_BYTES || queue.try_send(Message::Line(line)).is_err() {
            self.waiting.fetch_sub(length, Ordering::Relaxed);
            self.dropped.inc();
        }
    }

    /// Opens the file by its name again, after a rotation has moved it away.
    pub(crate) fn reopen(&self) {
        if let Some(queue) = &self.queue {
            // With a full queue the disk hangs; it is opened again when it fails.
            let _ = queue.try_send(Message::Reopen);
        }
    }
}

struct Writer {
    destination: Destination,
    /// `None` after an error, until the next line finds it can be opened again.
    sink: Option<BufWriter<Box<dyn Write + Send>>>,
    waiting: Arc<AtomicUsize>,
    dropped: IntCounter,
}

impl Writer {
    /// Writes until the edge ends; flushes whenever there is nothing more to write.
    fn run(mut self, queue: &Receiver<Message>) {
        while let Ok(message) = queue.recv() {
            let mut written = self.take(message);
            while let Ok(message) = queue.try_recv() {
                written += self.take(message);
            }
            let flushed = self.sink.as_mut().map(Write::flush);
            if let Some(Err(error)) = flushed {
                self.failed(&error, written);
            }
        }
    }

    /// Says how many lines went into the buffer.
    fn take(&mut self, message: Message) -> u64 {
        let line = match message {
            Message::Line(line) => line,
            Message::Reopen => {
                self.reopen();
                return 0;
            }
        };
        self.waiting.fetch_sub(line.len(), Ordering::Relaxed);
        if self.sink.is_none() {
            self.reopen();
        }
        match self.sink.as_mut().map(|sink| sink.write_all(&line)) {
            Some(Ok(())) => return 1,
            Some(Err(error)) => self.failed(&error, 1),
            None => self.dropped.inc(),
        }
        0
    }

    fn reopen(&mut self) {
        if let Some(Err(error)) = self.sink.as_mut().map(Write::flush) {
            self.failed(&error, 0);
        }
        match self.destination.open() {
            Ok(sink) => self.sink = Some(BufWriter::new(sink)),
            // The old file, if there is one, takes the lines meanwhile.
            Err(error) => tracing::error!(%error, "the access log cannot be opened again"),
        }
    }

    /// What is in the buffer is lost: it would be written twice, or in halves.
    fn failed(&mut self, error: &io::Error, lines: u64) {
        self.dropped.inc_by(lines);
        if let Some(sink) = self.sink.take() {
            let _lost = sink.into_parts();
            tracing::error!(%error, "the access log cannot be written; lines are dropped");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;
    use std::time::{Duration, Instant};

    struct Log {
        folder: tempfile::TempDir,
        log: AccessLog,
        dropped: IntCounter,
    }

    impl Log {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("access.log");
            let dropped = IntCounter::new("dropped", "dropped").unwrap();
            let log = AccessLog::open(&Destination::File(path), dropped.clone()).unwrap();
            Self { folder, log, dropped }
        }

        fn path(&self) -> PathBuf {
            self.folder.path().join("access.log")
        }
    }

    fn wait_until(path: &Path, expected: &str) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while std::fs::read_to_string(path).unwrap_or_default() != expected {
            assert!(Instant::now() < deadline, "the lines did not arrive");
            thread::yield_now();
        }
    }

    #[test]
    fn lines_reach_the_file_in_order() {
        let Log { folder, log, dropped } = Log::new();
        for number in 0..100 {
            log.write(format!("{number}\n").into_bytes());
        }
        let expected: String = (0..100).map(|number| format!("{number}\n")).collect();
        wait_until(&folder.path().join("access.log"), &expected);
        assert_eq!(dropped.get(), 0);
    }

    #[test]
    fn a_file_that_was_moved_away_is_opened_anew_when_told() {
        let edge = Log::new();
        edge.log.write(b"before\n".to_vec());
        wait_until(&edge.path(), "before\n");
        let moved = edge.folder.path().join("access.log.1");
        std::fs::rename(edge.path(), &moved).unwrap();
        edge.log.reopen();
        edge.log.write(b"after\n".to_vec());
        wait_until(&edge.path(), "after\n");
        wait_until(&moved, "before\n");
    }

    #[test]
    fn after_a_full_disk_lines_are_written_again() {
        // Takes everything and writes nothing.
        let full = Destination::File("/dev/full".into());
        let dropped = IntCounter::new("dropped", "dropped").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.log");
        let mut writer = Writer {
            sink: Some(BufWriter::new(full.open().unwrap())),
            destination: Destination::File(path.clone()),
            waiting: Arc::default(),
            dropped: dropped.clone(),
        };
        let (sender, receiver) = sync_channel(4);
        let line = |text: &str| {
            writer.waiting.fetch_add(text.len(), Ordering::Relaxed);
            sender.send(Message::Line(text.as_bytes().to_vec())).unwrap();
        };
        line("lost\n");
        assert_eq!(writer.take(receiver.recv().unwrap()), 1);
        let error = writer.sink.as_mut().unwrap().flush().unwrap_err();
        writer.failed(&error, 1);
        assert_eq!(dropped.get(), 1);
        writer.waiting.fetch_add(5, Ordering::Relaxed);
        sender.send(Message::Line(b"kept\n".to_vec())).unwrap();
        drop(sender);
        writer.run(&receiver);
        wait_until(&path, "kept\n");
    }

    #[test]
    fn what_waits_for_a_disk_that_hangs_is_bounded_in_bytes() {
        let (sender, receiver) = sync_channel(LOG_QUEUE_LINES);
        let dropped = IntCounter::new("dropped", "dropped").unwrap();
        let log =
            AccessLog { queue: Some(sender), waiting: Arc::default(), dropped: dropped.clone() };
        for _ in 0..LOG_QUEUE_LINES {
            log.write(vec![b'x'; 8 * 1024]);
        }
        let kept: usize = receiver
            .try_iter()
            .map(|message| if let Message::Line(line) = message { line.len() } else { 0 })
            .sum();
        assert!(kept <= LOG_QUEUE_BYTES, "{kept} bytes");
        assert_eq!(kept + dropped.get() as usize * 8 * 1024, LOG_QUEUE_LINES * 8 * 1024);
    }
}
