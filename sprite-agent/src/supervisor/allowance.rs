//! How much of the gateway's output is kept: what a flood says beyond that is dropped.
//!
//! It is read all the same, so that its writer is not held up; and only whole lines follow
//! what was dropped, because the rest of one may be the rest of a secret.

use std::time::{Duration, Instant};

/// A gateway that starts says some dozen kilobytes in all.
const SECOND_MAX_BYTES: u64 = 1 << 20;

pub(super) struct Allowance {
    since: Instant,
    kept: u64,
    dropped: u64,
}

impl Allowance {
    pub(super) fn new(now: Instant) -> Self {
        Self { since: now, kept: 0, dropped: 0 }
    }

    /// What of `piece` is kept, and how many bytes were dropped before it. `None`: nothing.
    pub(super) fn take<'a>(&mut self, piece: &'a [u8], now: Instant) -> Option<(u64, &'a [u8])> {
        if now.duration_since(self.since) >= Duration::from_secs(1) {
            (self.since, self.kept) = (now, 0);
        }
        let start = match self.dropped {
            0 => Some(0),
            _ => piece.iter().position(|byte| *byte == b'\n').map(|end| end + 1),
        };
        let rest = start.map(|start| &piece[start..]).filter(|rest| !rest.is_empty());
        match rest {
            Some(rest) if self.kept + rest.len() as u64 <= SECOND_MAX_BYTES => {
                self.kept += rest.len() as u64;
                let dropped = match std::mem::take(&mut self.dropped) {
                    0 => 0,
                    before => before + (piece.len() - rest.len()) as u64,
                };
                Some((dropped, rest))
            }
            _ => {
                self.dropped += piece.len() as u64;
                None
            }
        }
    }

    /// What was dropped at the end.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_dropped_until_the_next_second_and_then_to_its_next_line() {
        let start = Instant::now();
        let later = start + Duration::from_secs(1);
        let mut allowance = Allowance::new(start);
        let second = vec![b'x'; usize::try_from(SECOND_MAX_BYTES).unwrap()];
        assert_eq!(allowance.take(&second, start), Some((0, second.as_slice())));
        assert_eq!(allowance.take(b"more\n", start), None);
        assert_eq!(allowance.take(b"the rest of a line", later), None);
        assert_eq!(allowance.take(b"its end\nnew", later), Some((31, b"new".as_slice())));
        assert_eq!(allowance.take(b" line\n", later), Some((0, b" line\n".as_slice())));
        assert_eq!(allowance.dropped(), 0);
    }
}
