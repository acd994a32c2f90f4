//! A file's bytes, as many as its entry in the archive has announced.

use std::io::{self, Read};

/// Gives exactly `announced` bytes: what is missing at the end is zeros.
pub(super) struct Contents<R> {
    inner: R,
    left: u64,
    is_short: bool,
}

impl<R: Read> Contents<R> {
    pub(super) fn new(inner: R, announced: u64) -> Self {
        Self { inner, left: announced, is_short: false }
    }

    /// Whether it was another length than announced. Only after all was read.
    pub(super) fn has_changed(mut self) -> bool {
        self.is_short || !matches!(self.inner.read(&mut [0]), Ok(0))
    }
}

impl<R: Read> Read for Contents<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(out.len());
        if most == 0 {
            return Ok(0);
        }
        let mut count = 0;
        if !self.is_short {
            // A disk that fails in the middle of a file must not end the whole archive.
            count = self.inner.read(&mut out[..most]).unwrap_or(0);
            self.is_short = count == 0;
        }
        if self.is_short {
            out[..most].fill(0);
            count = most;
        }
        self.left -= count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(held: &[u8], announced: u64, expected: &[u8], changed: bool) {
        let mut contents = Contents::new(held, announced);
        let mut seen = Vec::new();
        contents.read_to_end(&mut seen).unwrap();
        assert_eq!((seen.as_slice(), contents.has_changed()), (expected, changed));
    }

    #[test]
    fn as_many_bytes_as_announced_come_whatever_the_file_does() {
        check(b"abc", 3, b"abc", false);
        check(b"abc", 5, b"abc\0\0", true);
        check(b"abc", 2, b"ab", true);
        check(b"", 0, b"", false);
    }
}
