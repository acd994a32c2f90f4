//! One JSON line for each request, written by a thread of its own.
//!
//! Lines gather in memory until there are enough of them, or for a moment: to wake
//! the writer for each would cost more than the request. Only the path is written,
//! never the query: sign-in codes travel in queries. A disk that is full or slow
//! costs lines, which are counted, and nothing else; when it takes lines again they
//! are written again.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::mem;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use anyhow::Context as _;
use prometheus::IntCounter;

use crate::limits::{
    LOG_BATCH_BYTES, LOG_BATCH_WAIT, LOG_KEPT_BYTES, LOG_LAST_WAIT, LOG_QUEUE_BYTES,
};

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
    queue: Option<Arc<Queue>>,
    dropped: IntCounter,
}

#[derive(Default)]
struct Queue {
    pending: Mutex<Pending>,
    changed: Condvar,
}

/// What the writer has to do next.
#[derive(Default)]
struct Pending {
    lines: Vec<u8>,
    /// The file was moved away; its name is opened anew.
    reopen: bool,
    /// The edge ends: nothing is waited for any more.
    last: bool,
    /// All that came before the end is written.
    written: bool,
}

impl AccessLog {
    /// `dropped` counts the lines that were lost.
    ///
    /// # Errors
    /// When the file cannot be opened for appending.
    pub(crate) fn open(destination: &Destination, dropped: IntCounter) -> anyhow::Result<Self> {
        if *destination == Destination::Off {
            return Ok(Self { queue: None, dropped });
        }
        let sink = destination
            .open()
            .with_context(|| format!("opening the access log {destination:?}"))?;
        let writer = Writer {
            destination: destination.clone(),
            sink: Some(sink),
            torn: false,
            dropped: dropped.clone(),
        };
        let queue = Arc::<Queue>::default();
        let lines = Arc::clone(&queue);
        thread::Builder::new()
            .name("access-log".into())
            .spawn(move || writer.run(&lines))
            .context("starting the access log")?;
        Ok(Self { queue: Some(queue), dropped })
    }

    pub(crate) fn is_on(&self) -> bool {
        self.queue.is_some()
    }

    /// Leaves `line`, which ends in a newline, for the writer. Never waits for it.
    pub(crate) fn write(&self, line: &[u8]) {
        let Some(queue) = &self.queue else { return };
        let mut pending = queue.pending();
        let before = pending.lines.len();
        let after = before + line.len();
        if after > LOG_QUEUE_BYTES {
            self.dropped.inc();
            return;
        }
        pending.lines.extend_from_slice(line);
        drop(pending);
        if before == 0 || (before < LOG_BATCH_BYTES && after >= LOG_BATCH_BYTES) {
            queue.changed.notify_all();
        }
    }

    /// Opens the file by its name again, after a rotation has moved it away.
    pub(crate) fn reopen(&self) {
        if let Some(queue) = &self.queue {
            queue.pending().reopen = true;
            queue.changed.notify_all();
        }
    }

    /// Waits until everything is written, for as long as a disk may take that works.
    /// What is logged afterwards is lost.
    pub(crate) fn close(&self) {
        let Some(queue) = &self.queue else { return };
        let mut pending = queue.pending();
        pending.last = true;
        queue.changed.notify_all();
        let waited =
            queue.changed.wait_timeout_while(pending, LOG_LAST_WAIT, |pending| !pending.written);
        drop(waited);
    }
}

impl Queue {
    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there is something to do, and a moment longer for more of it. Puts
    /// the lines into `batch`, which is empty; says what else there is to do.
    fn next(&self, batch: &mut Vec<u8>) -> Todo {
        let nothing =
            |pending: &mut Pending| pending.lines.is_empty() && !pending.reopen && !pending.last;
        let few = |pending: &mut Pending| {
            pending.lines.len() < LOG_BATCH_BYTES && !pending.reopen && !pending.last
        };
        let pending = self.changed.wait_while(self.pending(), nothing);
        let pending = pending.unwrap_or_else(PoisonError::into_inner);
        let pending = self.changed.wait_timeout_while(pending, LOG_BATCH_WAIT, few);
        let (mut pending, _) = pending.unwrap_or_else(PoisonError::into_inner);
        mem::swap(&mut pending.lines, batch);
        Todo { reopen: mem::take(&mut pending.reopen), last: pending.last }
    }

    fn all_is_written(&self) {
        self.pending().written = true;
        self.changed.notify_all();
    }
}

struct Todo {
    reopen: bool,
    last: bool,
}

struct Writer {
    destination: Destination,
    /// `None` after an error, until the next lines find that it can be opened again.
    sink: Option<Box<dyn Write + Send>>,
    /// The file ends in half a line.
    torn: bool,
    dropped: IntCounter,
}

impl Writer {
    /// Writes until the edge ends.
    fn run(mut self, queue: &Queue) {
        let mut batch = Vec::new();
        loop {
            let Todo { reopen, last } = queue.next(&mut batch);
            if reopen {
                self.reopen();
            }
            self.write(&batch);
            batch.clear();
            batch.shrink_to(LOG_KEPT_BYTES);
            if last {
                return queue.all_is_written();
            }
        }
    }

    fn write(&mut self, batch: &[u8]) {
        if self.sink.is_none() {
            self.reopen();
        }
        let mut rest = batch;
        while !rest.is_empty() {
            match self.write_some(rest) {
                Ok(count) => rest = &rest[count..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    // Nothing of it, or its whole lines, or up to the middle of one.
                    let written = &batch[..batch.len() - rest.len()];
                    self.torn |= written.last().is_some_and(|byte| *byte != b'\n');
                    return self.failed(&error, rest);
                }
            }
        }
    }

    fn write_some(&mut self, lines: &[u8]) -> io::Result<usize> {
        let sink = self.sink.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        if self.torn {
            sink.write_all(b"\n")?;
            self.torn = false;
        }
        match sink.write(lines)? {
            0 => Err(io::ErrorKind::WriteZero.into()),
            count => Ok(count),
        }
    }

    fn reopen(&mut self) {
        match self.destination.open() {
            Ok(sink) => self.sink = Some(sink),
            // The old file, if there is one, takes the lines meanwhile.
            Err(error) => tracing::error!(%error, "the access log cannot be opened again"),
        }
    }

    /// `rest` is lost: it would be written twice, or in halves.
    fn failed(&mut self, error: &io::Error, rest: &[u8]) {
        let lines = rest.iter().filter(|byte| **byte == b'\n').count();
        self.dropped.inc_by(lines as u64);
        if self.sink.take().is_some() {
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
            let dropped = counter();
            let log = AccessLog::open(&Destination::File(path), dropped.clone()).unwrap();
            Self { folder, log, dropped }
        }

        fn path(&self) -> PathBuf {
            self.folder.path().join("access.log")
        }
    }

    fn counter() -> IntCounter {
        IntCounter::new("dropped", "dropped").unwrap()
    }

    fn wait_until(path: &Path, expected: &str) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while std::fs::read_to_string(path).unwrap_or_default() != expected {
            assert!(Instant::now() < deadline, "the lines did not arrive");
            thread::yield_now();
        }
    }

    #[test]
    fn lines_reach_the_file_in_order() {
        let edge = Log::new();
        for number in 0..100 {
            edge.log.write(format!("{number}\n").as_bytes());
        }
        let expected: String = (0..100).map(|number| format!("{number}\n")).collect();
        wait_until(&edge.path(), &expected);
        assert_eq!(edge.dropped.get(), 0);
    }

    #[test]
    fn what_waits_is_written_when_the_edge_ends() {
        let edge = Log::new();
        edge.log.write(b"last\n");
        edge.log.close();
        assert_eq!(std::fs::read_to_string(edge.path()).unwrap(), "last\n");
    }

    #[test]
    fn a_file_that_was_moved_away_is_opened_anew_when_told() {
        let edge = Log::new();
        edge.log.write(b"before\n");
        wait_until(&edge.path(), "before\n");
        let moved = edge.folder.path().join("access.log.1");
        std::fs::rename(edge.path(), &moved).unwrap();
        edge.log.reopen();
        edge.log.write(b"after\n");
        wait_until(&edge.path(), "after\n");
        wait_until(&moved, "before\n");
    }

    /// What it took, and how many bytes it still has room for.
    struct Full(Vec<u8>, usize);

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let count = bytes.len().min(self.1);
            self.1 -= count;
            self.0.extend_from_slice(&bytes[..count]);
            if count == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(count) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn after_a_full_disk_lines_are_written_again_each_in_a_line_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.log");
        let dropped = counter();
        let mut writer = Writer {
            sink: Some(Box::new(Full(Vec::new(), 9))),
            destination: Destination::File(path.clone()),
            torn: false,
            dropped: dropped.clone(),
        };
        // Nine bytes have room: a line and a half.
        writer.write(b"kept\nlost, and this\n");
        assert_eq!(dropped.get(), 1);
        writer.write(b"again\n");
        writer.write(b"and again\n");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "\nagain\nand again\n");
        assert_eq!(dropped.get(), 1);
    }

    #[test]
    fn what_waits_for_a_disk_that_hangs_is_bounded() {
        const LINES: usize = 2_000;
        const LINE_BYTES: usize = 8 * 1024;
        let (queue, dropped) = (Arc::<Queue>::default(), counter());
        let log = AccessLog { queue: Some(Arc::clone(&queue)), dropped: dropped.clone() };
        for _ in 0..LINES {
            log.write(&[b'x'; LINE_BYTES]);
        }
        let kept = queue.pending().lines.len();
        assert!(kept <= LOG_QUEUE_BYTES, "{kept} bytes");
        assert_eq!(kept + dropped.get() as usize * LINE_BYTES, LINES * LINE_BYTES);
    }
}
