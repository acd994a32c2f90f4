//! Everything that a customer has in their machine, as a stream on its way to them.
//!
//! The agent's program makes the archive, in a process of its own that the provider runs:
//! that works as well while the workspace is closed and its services are stopped, and opens
//! nothing else. Nothing of it is kept here; whoever reads slowly holds the machine's
//! process up, and whoever goes away ends it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, Stream};
use shared::Username;
use tokio::sync::mpsc::{self, Receiver};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tracing::{info, warn};

use super::context::Machines;
use super::export_slots::{ExportError, ExportSlot};
use super::vm::layout;
use crate::model::incident::Incident;
use vendors::linear::Priority;
use vendors::sprites::{Command, SpriteName};

/// From the first byte to the last: what the agent takes out at most, on a slow line.
const TOTAL: Duration = Duration::from_secs(4 * 3_600);

/// A cold machine has been seen to take 12 s to its first answer.
const FIRST_PIECE: Duration = Duration::from_secs(60);

/// Of the machine, between two pieces: large files that compress to nothing take a while.
const SILENCE_MAX: Duration = Duration::from_secs(120);

/// Of the customer's browser, for one piece.
const PATIENCE: Duration = Duration::from_secs(60);

/// Above what the agent takes out at most: an agent that is another program ends there.
const MAX_BYTES: u64 = 24 << 30;

/// Pieces of at most some hundred KiB that wait for the browser.
const PIECES: usize = 4;

/// How the agent's program ends when it is given an argument that it does not know.
const UNKNOWN_ARGUMENT: u8 = 2;

/// How it ends when the rest was asked for of an archive that would be another one now.
const CHANGED: u8 = 3;

/// As long as the agent makes a mark.
const MARK_LENGTH: usize = 32;

/// Behind these bytes of gzip's head its comment begins: the agent's mark.
const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0x10, 0, 0, 0, 0, 0, 0xff];

/// Digits of the largest number, and the end of its line.
const LENGTH_MAX_BYTES: usize = 21;

/// What an archive is known by: as long as nothing in the machine changes, another one with the
/// same mark has the same bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark(String);

impl Mark {
    /// `None` for what no agent makes.
    pub fn parse(text: &str) -> Option<Self> {
        let is_mark = text.len() == MARK_LENGTH
            && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        is_mark.then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As the archive's first bytes say; agents of before make archives without one.
    fn of(first: &[u8]) -> Option<Self> {
        let comment = first.strip_prefix(&HEAD)?;
        let (mark, end) = comment.split_at_checked(MARK_LENGTH)?;
        if end.first() != Some(&0) {
            return None;
        }
        Self::parse(std::str::from_utf8(mark).ok()?)
    }
}

/// What follows the first `from` bytes of the archive with this mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rest {
    pub mark: Mark,
    pub from: u64,
}

/// An archive on its way to its customer.
pub struct Export<P> {
    /// By which its rest may be asked for when it has broken off.
    pub mark: Option<Mark>,
    /// How long the whole archive is, where this is the rest of one.
    pub whole_bytes: Option<u64>,
    pub pieces: P,
}

/// What of the agent's complaints is kept.
const COMPLAINT_MAX_BYTES: usize = 2_000;

/// The archive of the machine `sprite` of `username`, or the `rest` of it, once its first bytes
/// are there.
///
/// The stream ends in an error when the archive is not whole.
///
/// # Errors
/// [`ExportError`]; nothing of the archive has been given out then.
pub async fn begin(
    machines: &Arc<Machines>,
    username: Username,
    sprite: SpriteName,
    rest: Option<Rest>,
) -> Result<Export<impl Stream<Item = io::Result<Bytes>> + Send + use<>>, ExportError> {
    let slot = machines.exports.enter(username)?;
    let (sender, receiver) = mpsc::channel(PIECES);
    let making = {
        let (machines, sprite) = (Arc::clone(machines), sprite.clone());
        let command = command(&machines, rest.as_ref());
        let is_rest = rest.is_some();
        tokio::spawn(async move {
            let made = machines.sprites.pipe(&sprite, &command, &sender, PATIENCE).await;
            match made {
                Ok(finished) if finished.is_success() => Ok(()),
                // An agent of before takes nothing up again.
                Ok(finished) if is_rest && matches!(finished.code, CHANGED | UNKNOWN_ARGUMENT) => {
                    Err(io::Error::new(io::ErrorKind::InvalidInput, "it has changed"))
                }
                Ok(finished) => {
                    let said = finished.stderr.text();
                    if finished.code == UNKNOWN_ARGUMENT && said.contains("--export") {
                        return Err(io::Error::new(io::ErrorKind::Unsupported, "no --export"));
                    }
                    let said = finished.complaint.unwrap_or_else(|| said.trim().to_owned());
                    Err(io::Error::other(said))
                }
                Err(error) => Err(io::Error::other(format!("{:#}", anyhow::Error::from(error)))),
            }
        })
    };
    let mut archive = Archive { slot, sprite, receiver, making, bytes: 0 };
    let (mut first, mut whole_bytes) = (archive.first().await?, None);
    let mark = match rest {
        None => Mark::of(&first),
        Some(rest) => {
            whole_bytes = Some(archive.length(&mut first).await?);
            Some(rest.mark)
        }
    };
    info!("everything of {username} is on its way to its customer");
    let first = (!first.is_empty()).then_some(first);
    let pieces = stream::unfold(Some((archive, first)), |state| async {
        let (mut archive, first) = state?;
        let piece = match first {
            Some(first) => Ok(first),
            None => archive.next(SILENCE_MAX).await?,
        };
        let then = piece.is_ok().then_some((archive, None));
        Some((piece, then))
    });
    Ok(Export { mark, whole_bytes, pieces })
}

/// What a person has to know whose customer has a machine that makes no archive.
pub fn agent_too_old(username: &Username, sprite: &SpriteName) -> Incident {
    let body = format!(
        "The customer of `{username}` wants to take everything out, and the agent in sprite \
         `{sprite}` is from before there was `--export`. They were told that you get it to \
         them.\n\nPut today's agent beside the old one (`PUT /v1/sprites/{sprite}/fs/write`, or \
         the provider's console) and have it write the archive: `sprite-agent --config {} \
         --export --home {}`. `control workspaces replace-machine {username}` gives them a new \
         machine, and loses what is in this one.",
        layout::AGENT_CONFIG,
        layout::HOME
    );
    let title = format!("The machine of {username} makes no archive");
    Incident::new(format!("export/agent/{sprite}"), title, body, Priority::High)
}

/// An archive that is being made.
struct Archive {
    slot: ExportSlot,
    sprite: SpriteName,
    receiver: Receiver<Bytes>,
    making: JoinHandle<io::Result<()>>,
    bytes: u64,
}

impl Archive {
    async fn first(&mut self) -> Result<Bytes, ExportError> {
        match self.next(FIRST_PIECE).await {
            Some(Ok(first)) => Ok(first),
            Some(Err(error)) => Err(match error.kind() {
                io::ErrorKind::Unsupported => ExportError::AgentTooOld,
                io::ErrorKind::InvalidInput => ExportError::Changed,
                _ => ExportError::Failed(error.to_string()),
            }),
            None => Err(ExportError::Failed("it was empty".to_owned())),
        }
    }

    /// Takes the line off `first` that says how long the whole archive is.
    async fn length(&mut self, first: &mut Bytes) -> Result<u64, ExportError> {
        loop {
            if let Some(end) = first.iter().take(LENGTH_MAX_BYTES).position(|it| *it == b'\n') {
                let line = first.split_to(end + 1);
                let number = std::str::from_utf8(&line[..end]).ok().and_then(|it| it.parse().ok());
                return number.ok_or_else(|| ExportError::Failed("no length came".to_owned()));
            }
            if first.len() >= LENGTH_MAX_BYTES {
                return Err(ExportError::Failed("no length came".to_owned()));
            }
            let more = self.first().await?;
            *first = [first.as_ref(), more.as_ref()].concat().into();
        }
    }

    /// `None` at its end; after an error there is nothing more.
    async fn next(&mut self, patience: Duration) -> Option<io::Result<Bytes>> {
        match timeout(patience, self.receiver.recv()).await {
            Ok(Some(piece)) => {
                self.bytes += piece.len() as u64;
                if self.bytes > MAX_BYTES {
                    return Some(Err(self.failed("it does not end")));
                }
                Some(Ok(piece))
            }
            Ok(None) => match (&mut self.making).await {
                Ok(Ok(())) => None,
                Ok(Err(error)) => {
                    self.failed(&error.to_string());
                    Some(Err(error))
                }
                Err(error) => Some(Err(self.failed(&error.to_string()))),
            },
            Err(_late) => Some(Err(self.failed(&format!("nothing came for {patience:?}")))),
        }
    }

    fn failed(&self, why: &str) -> io::Error {
        let (name, username) = (&self.sprite, &self.slot.username);
        warn!(sprite.name = %name, "the export of {username} from {name} is not whole: {why}");
        io::Error::other(why.to_owned())
    }
}

impl Drop for Archive {
    fn drop(&mut self) {
        // The provider ends a command whose caller has gone.
        self.making.abort();
    }
}

fn command(machines: &Machines, rest: Option<&Rest>) -> Command {
    let (program, arguments) = machines.base.agent.split_first().expect("checked when read");
    let arguments = arguments.iter().map(String::as_str);
    let more = ["--config", layout::AGENT_CONFIG, "--export", "--home", layout::HOME];
    let rest = rest.map(|Rest { mark, from }| {
        ["--mark".to_owned(), mark.0.clone(), "--from".to_owned(), from.to_string()]
    });
    let rest = rest.iter().flatten().map(String::as_str);
    Command::new(program)
        .arguments(arguments.chain(more).chain(rest))
        .directory(layout::HOME)
        .timeout(TOTAL)
        .output_max_bytes(COMPLAINT_MAX_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machines::export_slots::ExportSlots;

    fn ada() -> Username {
        "ada".parse().unwrap()
    }

    /// An archive whose pieces come by hand, of a machine that makes no end by itself.
    fn archive(slots: &ExportSlots, bytes: u64) -> (mpsc::Sender<Bytes>, Archive) {
        let (sender, receiver) = mpsc::channel(PIECES);
        let making = tokio::spawn(std::future::pending());
        let sprite = SpriteName::parse("arca-1").unwrap();
        let slot = slots.enter(ada()).unwrap();
        (sender, Archive { slot, sprite, receiver, making, bytes })
    }

    #[tokio::test]
    async fn a_machine_that_hangs_in_the_middle_is_given_up_and_may_be_asked_again() {
        let slots = ExportSlots::default();
        let (sender, mut archive) = archive(&slots, 0);
        sender.send(Bytes::from_static(b"the beginning")).await.unwrap();
        assert!(archive.next(SILENCE_MAX).await.unwrap().is_ok());
        // Nothing more comes; no time is left to wait for it.
        let error = archive.next(Duration::ZERO).await.unwrap().unwrap_err();
        assert!(error.to_string().starts_with("nothing came for"), "{error}");
        assert!(matches!(slots.enter(ada()), Err(ExportError::Running)));
        drop(archive);
        slots.enter(ada()).unwrap();
    }

    #[test]
    fn an_archive_says_its_mark_where_its_agent_makes_one() {
        let mark = "0123456789abcdef0123456789abcdef";
        let head = |comment: &str| [&HEAD, comment.as_bytes(), &[0, 1, 2]].concat();
        assert_eq!(Mark::of(&head(mark)), Mark::parse(mark));
        for other in ["", "0123", &mark.to_uppercase(), &format!("{mark}0")] {
            assert_eq!(Mark::of(&head(other)), None, "{other}");
        }
        assert_eq!(Mark::of(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff, 1]), None);
        assert_eq!(Mark::of(b""), None);
    }

    #[tokio::test]
    async fn the_length_is_read_in_whatever_pieces_it_comes() {
        let slots = ExportSlots::default();
        let (sender, mut archive) = archive(&slots, 0);
        sender.send(Bytes::from_static(b"5")).await.unwrap();
        let mut first = Bytes::from_static(b"12");
        sender.send(Bytes::from_static(b"\n\nrest")).await.unwrap();
        assert_eq!(archive.length(&mut first).await.unwrap(), 125);
        assert_eq!(first, "\nrest");
        let mut other = Bytes::from_static(b"a file that has no length at all");
        assert!(matches!(archive.length(&mut other).await, Err(ExportError::Failed(_))));
    }

    #[tokio::test]
    async fn an_archive_without_an_end_is_given_up() {
        let slots = ExportSlots::default();
        let (sender, mut archive) = archive(&slots, MAX_BYTES - 1);
        sender.send(Bytes::from_static(b"1")).await.unwrap();
        assert!(archive.next(SILENCE_MAX).await.unwrap().is_ok());
        sender.send(Bytes::from_static(b"2")).await.unwrap();
        let error = archive.next(SILENCE_MAX).await.unwrap().unwrap_err();
        assert_eq!(error.to_string(), "it does not end");
    }
}
