//! A running command that clients attach to.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use axum::body::Bytes;
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin};
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};

use super::process::{self, Spec};
use super::request::ExecRequest;
use crate::clock;
use crate::vendor::calendar;

/// First byte of a binary frame.
pub mod stream_id {
    pub const STDIN: u8 = 0;
    pub const STDOUT: u8 = 1;
    pub const STDERR: u8 = 2;
    pub const EXIT: u8 = 3;
    pub const STDIN_EOF: u8 = 4;
}

/// Largest piece of output in one frame.
const PIECE_BYTES: usize = 16 * 1024;

/// Output kept for those who attach later.
const SCROLLBACK_BYTES_MAX: usize = 256 * 1024;

/// Frames that wait for a slow client before the command is held up.
const WAITING_FRAMES_MAX: usize = 64;

/// Sessions of one sprite at once.
const SESSIONS_MAX: usize = 256;

/// Ids remembered after the end, to answer "gone" instead of "unknown".
const ENDED_MAX: usize = 256;

/// How long output is awaited after the end of a command whose children keep its pipes open.
const LAST_OUTPUT: Duration = Duration::from_secs(1);

pub struct Session {
    pub id: String,
    pub pid: u32,
    pub spec: Spec,
    created: SystemTime,
    after_disconnect: Option<Duration>,
    stdin: Mutex<Option<mpsc::Sender<Bytes>>>,
    output: Mutex<Output>,
    exit: watch::Receiver<Option<u8>>,
}

#[derive(Default)]
struct Output {
    scrollback: VecDeque<Bytes>,
    scrollback_bytes: usize,
    clients: Vec<mpsc::Sender<Bytes>>,
    last: Option<SystemTime>,
}

/// The sessions of a sprite; an ended one vanishes.
#[derive(Default)]
pub struct Sessions(Mutex<Book>);

#[derive(Default)]
struct Book {
    live: BTreeMap<u32, Arc<Session>>,
    ended: VecDeque<String>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Missing {
    Unknown,
    Ended,
}

impl Sessions {
    /// Starts the command; the receiver gets all of its output as frames.
    ///
    /// # Errors
    /// `NotFound` when there is no such program or directory; `ResourceBusy` when
    /// too many sessions run.
    pub fn start(
        self: &Arc<Self>,
        request: &ExecRequest,
    ) -> io::Result<(Arc<Session>, mpsc::Receiver<Bytes>)> {
        if self.book().live.len() >= SESSIONS_MAX {
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, "too many sessions"));
        }
        let mut child = process::spawn(&request.spec, request.stdin)?;
        let pid = child.id().expect("it has not been waited for");
        let (ended, exit) = watch::channel(None);
        let session = Arc::new(Session {
            id: pid.to_string(),
            pid,
            spec: request.spec.clone(),
            created: clock::now(),
            after_disconnect: request.after_disconnect,
            stdin: Mutex::new(child.stdin.take().map(feed)),
            output: Mutex::default(),
            exit,
        });
        let (_, output) = session.attach();
        self.book().live.insert(pid, session.clone());
        let sessions = self.clone();
        let watched = session.clone();
        tokio::spawn(async move {
            let code = watched.run(child).await;
            sessions.forget(&watched);
            watched.output().clients.clear();
            let _ = ended.send(Some(code));
        });
        Ok((session, output))
    }

    /// # Errors
    /// Whether there was ever such a session.
    pub fn find(&self, id: &str) -> Result<Arc<Session>, Missing> {
        let book = self.book();
        let live = id.parse().ok().and_then(|pid: u32| book.live.get(&pid));
        let ended = || book.ended.iter().any(|known| known == id);
        live.cloned().ok_or_else(|| if ended() { Missing::Ended } else { Missing::Unknown })
    }

    pub fn list(&self) -> Value {
        let sessions: Vec<Value> = self.book().live.values().map(|session| session.row()).collect();
        json!({"count": sessions.len(), "sessions": sessions})
    }

    fn forget(&self, session: &Session) {
        let mut book = self.book();
        book.live.remove(&session.pid);
        if book.ended.len() == ENDED_MAX {
            book.ended.pop_front();
        }
        book.ended.push_back(session.id.clone());
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().expect("nothing panics while holding it")
    }
}

impl Session {
    /// What was said so far, and what will be. Dropping the receiver detaches.
    pub fn attach(&self) -> (Vec<Bytes>, mpsc::Receiver<Bytes>) {
        let (sender, receiver) = mpsc::channel(WAITING_FRAMES_MAX);
        let mut output = self.output();
        output.clients.push(sender);
        (output.scrollback.iter().cloned().collect(), receiver)
    }

    /// Call after dropping a receiver: a command without clients has a limited time.
    pub fn detached(self: &Arc<Self>) {
        let Some(limit) = self.after_disconnect else { return };
        if self.is_attached() {
            return;
        }
        let session = self.clone();
        tokio::spawn(async move {
            sleep(limit).await;
            if !session.is_attached() && session.exit.borrow().is_none() {
                session.signal(Signal::KILL);
            }
        });
    }

    pub fn signal(&self, signal: Signal) {
        process::signal_group(self.pid, signal);
    }

    /// Waits while the command has yet to read what was sent before.
    pub async fn write(&self, bytes: Bytes) {
        let stdin = self.stdin.lock().expect("nothing panics while holding it").clone();
        if let Some(stdin) = stdin {
            // The command may have closed its input: not the writer's affair.
            let _ = stdin.send(bytes).await;
        }
    }

    pub fn end_of_input(&self) {
        self.stdin.lock().expect("nothing panics while holding it").take();
    }

    pub async fn exit(&self) -> u8 {
        let mut exit = self.exit.clone();
        let ended = exit.wait_for(Option::is_some).await;
        ended.ok().and_then(|code| *code).unwrap_or(255)
    }

    /// First text of every connection.
    pub fn info(&self) -> Value {
        let created = self.created.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        json!({
            "type": "session_info",
            "session_id": self.id,
            "command": self.spec.arguments[0],
            "created": created.as_secs(),
            "cols": 0,
            "rows": 0,
            "is_owner": true,
            "tty": false,
        })
    }

    async fn run(&self, mut child: Child) -> u8 {
        let stdout = child.stdout.take().expect("piped");
        let stderr = child.stderr.take().expect("piped");
        let pumps = async {
            tokio::join!(self.pump(stream_id::STDOUT, stdout), self.pump(stream_id::STDERR, stderr))
        };
        tokio::pin!(pumps);
        let status = tokio::select! {
            status = child.wait() => {
                let _ = timeout(LAST_OUTPUT, &mut pumps).await;
                status
            }
            _ = &mut pumps => child.wait().await,
        };
        status.map_or(255, process::exit_code)
    }

    async fn pump(&self, id: u8, mut pipe: impl AsyncRead + Unpin) {
        let mut piece = vec![id; PIECE_BYTES + 1];
        loop {
            let Ok(count @ 1..) = pipe.read(&mut piece[1..]).await else { return };
            self.emit(Bytes::copy_from_slice(&piece[..=count])).await;
        }
    }

    async fn emit(&self, frame: Bytes) {
        let clients = {
            let mut output = self.output();
            output.keep(frame.clone());
            output.clients.retain(|client| !client.is_closed());
            output.clients.clone()
        };
        for client in clients {
            let _ = client.send(frame.clone()).await;
        }
    }

    fn is_attached(&self) -> bool {
        self.output().clients.iter().any(|client| !client.is_closed())
    }

    fn row(&self) -> Value {
        let output = self.output();
        let command = std::iter::once(&self.spec.program).chain(self.spec.arguments.iter().skip(1));
        json!({
            "id": self.id,
            "created": calendar::rfc3339_of(self.created),
            "command": command.map(String::as_str).collect::<Vec<_>>().join(" "),
            "workdir": self.spec.directory,
            "tty": false,
            "bytes_per_second": 0,
            "is_active": output.clients.iter().any(|client| !client.is_closed()),
            "last_activity": calendar::rfc3339_of(output.last.unwrap_or(self.created)),
        })
    }

    fn output(&self) -> MutexGuard<'_, Output> {
        self.output.lock().expect("nothing panics while holding it")
    }
}

impl Output {
    fn keep(&mut self, frame: Bytes) {
        self.last = Some(clock::now());
        self.scrollback_bytes += frame.len();
        self.scrollback.push_back(frame);
        while self.scrollback_bytes > SCROLLBACK_BYTES_MAX {
            let dropped = self.scrollback.pop_front().expect("it holds that many bytes");
            self.scrollback_bytes -= dropped.len();
        }
    }
}

/// Input goes through a task of its own: a command that does not read must
/// not stop its client from hearing it.
fn feed(mut stdin: ChildStdin) -> mpsc::Sender<Bytes> {
    let (sender, mut receiver) = mpsc::channel::<Bytes>(WAITING_FRAMES_MAX);
    tokio::spawn(async move {
        while let Some(bytes) = receiver.recv().await {
            if stdin.write_all(&bytes).await.is_err() {
                return;
            }
        }
    });
    sender
}

#[cfg(test)]
mod tests {
    use super::super::request;
    use super::*;

    fn start(query: &str) -> (Arc<Sessions>, Arc<Session>, mpsc::Receiver<Bytes>) {
        let sessions = Arc::new(Sessions::default());
        let query = format!("{query}&dir=%2Ftmp");
        let request = request::parse(&query, &process::base_environment()).unwrap();
        let (session, output) = sessions.start(&request).unwrap();
        (sessions, session, output)
    }

    #[tokio::test]
    async fn output_comes_whole_and_the_session_vanishes_at_its_end() {
        let (sessions, session, mut output) = start("cmd=sh&cmd=-c&cmd=echo+out%3B+exit+7");
        let mut said = Vec::new();
        while let Some(frame) = output.recv().await {
            said.extend_from_slice(&frame);
        }
        assert_eq!(said, b"\x01out\n");
        assert_eq!(session.exit().await, 7);
        assert_eq!(sessions.find(&session.id).err(), Some(Missing::Ended));
        assert_eq!(sessions.find("0").err(), Some(Missing::Unknown));
    }

    #[tokio::test]
    async fn input_reaches_the_command_until_its_end() {
        let (_sessions, session, mut output) = start("cmd=cat&stdin=true");
        session.write(Bytes::from_static(b"piped")).await;
        assert_eq!(output.recv().await.unwrap(), &b"\x01piped"[..]);
        session.end_of_input();
        assert_eq!(session.exit().await, 0);
    }

    #[tokio::test]
    async fn a_late_client_gets_what_was_said_before() {
        let (_sessions, session, mut output) =
            start("cmd=sh&cmd=-c&cmd=echo+early%3B+read+line&stdin=true");
        output.recv().await.unwrap();
        let (scrollback, _late) = session.attach();
        assert_eq!(scrollback, [&b"\x01early\n"[..]]);
        session.signal(Signal::TERM);
        assert_eq!(session.exit().await, 143);
    }

    #[tokio::test]
    async fn a_command_without_client_is_ended_after_its_time() {
        let (_sessions, session, output) = start("cmd=sleep&cmd=600&max_run_after_disconnect=10ms");
        drop(output);
        session.detached();
        assert_eq!(session.exit().await, 137);
    }
}
