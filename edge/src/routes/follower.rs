//! A former process of this edge, which ends the connections that it still has.
//!
//! It has given up the store and the private API: what is changed here is told
//! to it, so that access can be taken away there as well. One that does not
//! follow is let go, and ends by itself when it notices.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;

use rustix::io::Errno;
use rustix::net::RecvFlags;
use shared::Generation;
use shared::wire::ChangesRequest;

use super::step::Step;
use crate::connections::RevokedCount;
use crate::limits::{BATCH_MAX_CHANGES, FOLLOW_WAIT};

pub(crate) struct Follower {
    stream: BufReader<UnixStream>,
}

/// Before a line of changes, and the whole line that has the keys read again.
pub(crate) const CHANGE: &str = "change ";
pub(crate) const RELOAD: &str = "reload";

/// The whole line that has customers' own domains read again.
pub(crate) const DOMAINS: &str = "domains";

impl Follower {
    /// # Errors
    /// When the connection is gone already.
    pub(crate) fn new(stream: UnixStream) -> io::Result<Self> {
        stream.set_read_timeout(Some(FOLLOW_WAIT))?;
        stream.set_write_timeout(Some(FOLLOW_WAIT))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// # Errors
    /// It does not follow any more.
    pub(super) fn tell(&mut self, changes: &ChangesRequest) -> io::Result<RevokedCount> {
        let line = serde_json::to_string(changes).map_err(io::Error::other)?;
        self.ask(&format!("{CHANGE}{line}"))
    }

    /// # Errors
    /// It does not follow any more.
    pub(super) fn reload(&mut self) -> io::Result<RevokedCount> {
        self.ask(RELOAD)
    }

    /// # Errors
    /// It does not follow any more.
    pub(super) fn read_domains(&mut self) -> io::Result<RevokedCount> {
        self.ask(DOMAINS)
    }

    /// Does it still have connections? It says nothing unless it is asked.
    pub(super) fn is_there(&self) -> bool {
        let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        let peeked = rustix::net::recv(self.stream.get_ref(), &mut [0_u8][..], flags);
        matches!(peeked, Err(Errno::WOULDBLOCK | Errno::INTR))
    }

    fn ask(&mut self, line: &str) -> io::Result<RevokedCount> {
        self.stream.get_mut().write_all(format!("{line}\n").as_bytes())?;
        let mut answer = String::new();
        self.stream.read_line(&mut answer)?;
        let counts = answer.trim_end().split_once(' ');
        let counts = counts.and_then(|(sockets, requests)| {
            Some(RevokedCount { sockets: sockets.parse().ok()?, requests: requests.parse().ok()? })
        });
        counts.ok_or_else(|| io::ErrorKind::InvalidData.into())
    }
}

/// `None` when there are more steps than are told one by one.
pub(super) fn changes_of(
    base: Generation,
    generation: Generation,
    steps: &[Step],
) -> Option<ChangesRequest> {
    let changes = || steps.iter().map(Step::change).collect();
    (steps.len() <= BATCH_MAX_CHANGES).then(|| ChangesRequest {
        base,
        generation,
        checksum: None,
        changes: changes(),
    })
}
