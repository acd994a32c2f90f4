//! One sprite's event stream, which many clients listen to.
//!
//! The next event is told when everybody has the last one, so that each proxy carries as
//! many as it can, and none of them waits in its memory.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::latency::Latencies;
use crate::load::Turn;
use crate::peers::{Door, WEB_TENANTS};
use crate::stage::Stage;
use crate::tenants::Visitor;

/// Some words of an answer, packed as a gateway packs them.
const EVENT_BYTES: usize = 128;

const HEAD_MAX_BYTES: usize = 4096;

/// How long one event may take to reach everybody.
const PATIENCE: Duration = Duration::from_secs(10);

/// The path at which the server tells its events.
pub const PATH: &str = "/events";

/// Tells the events that `numbers` names from now on, until the listener has left.
///
/// # Errors
/// When it has.
pub async fn tell(mut stream: TcpStream, mut numbers: watch::Receiver<u64>) -> io::Result<()> {
    numbers.mark_unchanged();
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
                 cache-control: no-store\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head).await?;
    while numbers.changed().await.is_ok() {
        let event = event(*numbers.borrow_and_update());
        let chunk = format!("{:x}\r\n{event}\r\n", event.len());
        stream.write_all(chunk.as_bytes()).await?;
    }
    Ok(())
}

fn event(number: u64) -> String {
    let begin = format!("id: {number}\ndata: ");
    let words = "x".repeat(EVENT_BYTES - begin.len() - END.len());
    format!("{begin}{words}{END}")
}

const END: &str = "\n\n";

/// Lets `count` clients listen to one workspace through `door` for `duration`.
///
/// A latency is the time from telling an event to one client's having it.
///
/// # Errors
/// When a client is refused, or does not get one of the events.
pub async fn run(
    door: Door,
    stage: &Stage,
    count: usize,
    duration: Duration,
) -> anyhow::Result<Turn> {
    let visitor = Visitor::new(&stage.ring, WEB_TENANTS);
    let (arrived, arrivals) = mpsc::unbounded_channel();
    let mut listeners = JoinSet::new();
    for _ in 0..count {
        let listener = Listener::open(door.address, &visitor.get(PATH)).await?;
        listeners.spawn(listener.listen(arrived.clone()));
    }
    let mut audience = Audience { numbers: &stage.echo.events, listeners, arrivals, count };
    // The first one shows that everybody listens.
    audience.tell(&mut Latencies::default()).await?;
    let before = door.account.cpu()?;
    let (started, mut latencies) = (Instant::now(), Latencies::default());
    while started.elapsed() < duration {
        audience.tell(&mut latencies).await?;
    }
    let (elapsed, cpu) = (started.elapsed(), door.account.cpu()?.since(&before));
    Ok(Turn { latencies, elapsed, cpu })
}

struct Audience<'a> {
    numbers: &'a watch::Sender<u64>,
    listeners: JoinSet<anyhow::Result<()>>,
    /// Which event came, and when.
    arrivals: mpsc::UnboundedReceiver<(u64, Instant)>,
    count: usize,
}

impl Audience<'_> {
    /// Tells one event, and returns when everybody has it.
    async fn tell(&mut self, latencies: &mut Latencies) -> anyhow::Result<()> {
        let number = *self.numbers.borrow() + 1;
        let told = Instant::now();
        self.numbers.send_replace(number);
        for _ in 0..self.count {
            tokio::select! {
                biased;
                arrival = self.arrivals.recv() => {
                    let (seen, at) = arrival.context("nobody listens")?;
                    ensure!(seen == number, "event {seen} came in the place of {number}");
                    latencies.push(at - told);
                }
                ended = self.listeners.join_next() => {
                    ended.context("nobody listens")?.context("a listener panicked")??;
                }
                () = tokio::time::sleep_until((told + PATIENCE).into()) => {
                    anyhow::bail!("event {number} had not reached everybody after {PATIENCE:?}");
                }
            }
        }
        Ok(())
    }
}

/// One client's connection, behind the head of its answer.
struct Listener {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Listener {
    async fn open(address: SocketAddr, request: &[u8]) -> anyhow::Result<Self> {
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        stream.write_all(request).await?;
        let mut received = Vec::with_capacity(HEAD_MAX_BYTES);
        while !received.ends_with(b"\r\n\r\n") {
            let count = stream.read_buf(&mut received).await?;
            if count == 0 || received.len() > HEAD_MAX_BYTES {
                break;
            }
        }
        let head = String::from_utf8_lossy(&received);
        let line = head.lines().next().unwrap_or_default();
        ensure!(line.starts_with("HTTP/1.1 200"), "a listener was answered {line:?}");
        Ok(Self { stream, received })
    }

    /// Says of each event that it came; returns with an error only.
    async fn listen(
        mut self,
        arrived: mpsc::UnboundedSender<(u64, Instant)>,
    ) -> anyhow::Result<()> {
        loop {
            let number = self.next().await?;
            // Nobody counts them any more behind the end of the turn.
            let _ = arrived.send((number, Instant::now()));
        }
    }

    /// The number of the next event, when all of it is there.
    async fn next(&mut self) -> anyhow::Result<u64> {
        self.received.clear();
        loop {
            let count = self.stream.read_buf(&mut self.received).await?;
            ensure!(count > 0, "a listener's stream has ended");
            if let Some(number) = number(&self.received) {
                return number.context("not an event as it was told");
            }
        }
    }
}

/// `None` while there is no whole event; `Some(None)` for one that is not as it was told.
fn number(received: &[u8]) -> Option<Option<u64>> {
    let text = std::str::from_utf8(received).ok()?;
    let (before, _) = text.split_once(END)?;
    let begun = before.find("id: ").map(|at| &before[at..]);
    let read = |begun: &str| {
        let digits = begun.strip_prefix("id: ")?.lines().next()?;
        let number = digits.parse().ok()?;
        (event(number).trim_end() == begun).then_some(number)
    };
    Some(begun.and_then(read))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_read_wherever_the_network_cuts_it() {
        let event = event(4_711);
        assert_eq!(event.len(), EVENT_BYTES);
        let chunk = format!("\r\n80\r\n{event}\r\n");
        let whole = chunk.len() - 2;
        for cut in 0..whole {
            assert_eq!(number(&chunk.as_bytes()[..cut]), None, "{cut}");
        }
        assert_eq!(number(&chunk.as_bytes()[..whole]), Some(Some(4_711)));
        assert_eq!(number(chunk.as_bytes()), Some(Some(4_711)));
    }

    #[test]
    fn an_event_that_was_changed_is_noticed() {
        let changed = event(1).replacen("xx", "xy", 1);
        assert_eq!(number(changed.as_bytes()), Some(None));
        assert_eq!(number(b"data: x\n\n"), Some(None));
    }
}
