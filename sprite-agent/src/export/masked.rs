//! A stream in which secrets are stars, with as many bytes as before.
//!
//! The length stays, because an archive says how long a file is before its first byte.

use std::io::{self, Read};

use memchr::memmem::Finder;

/// As read at once.
const BLOCK_BYTES: usize = 64 << 10;

/// Shorter texts would turn up in words.
const SECRET_MIN_BYTES: usize = 8;

/// Of all files of one archive.
pub(super) struct Secrets {
    /// Longest first, so that a secret inside another one does not cut that in two.
    finders: Vec<Finder<'static>>,
    longest: usize,
}

impl Secrets {
    pub(super) fn new(secrets: Vec<String>) -> Self {
        let mut secrets: Vec<_> =
            secrets.into_iter().filter(|secret| secret.len() >= SECRET_MIN_BYTES).collect();
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        let longest = secrets.first().map_or(1, String::len);
        let finders = secrets.iter().map(|secret| Finder::new(secret.as_str()).into_owned());
        Self { finders: finders.collect(), longest }
    }

    /// Those that begin before `safe`: a later one may be the beginning of a longer one that
    /// has not come yet, whose rest would then not be known.
    fn mask(&self, bytes: &mut [u8], safe: usize) {
        for finder in &self.finders {
            let mut from = 0;
            while let Some(at) = finder.find(&bytes[from..]) {
                let (begin, end) = (from + at, from + at + finder.needle().len());
                if begin >= safe {
                    break;
                }
                bytes[begin..end].fill(b'*');
                from = end;
            }
        }
    }
}

pub(super) struct Masked<'a, R> {
    inner: R,
    secrets: &'a Secrets,
    buffer: Vec<u8>,
    /// Given out of `buffer`, and how much of it may be given out.
    given: usize,
    safe: usize,
    is_over: bool,
}

impl<'a, R: Read> Masked<'a, R> {
    pub(super) fn new(inner: R, secrets: &'a Secrets) -> Self {
        Self { inner, secrets, buffer: Vec::new(), given: 0, safe: 0, is_over: false }
    }

    fn fill(&mut self) -> io::Result<()> {
        self.buffer.drain(..self.given);
        self.given = 0;
        let held = self.buffer.len();
        self.buffer.resize(held + BLOCK_BYTES, 0);
        let read = self.inner.read(&mut self.buffer[held..])?;
        self.buffer.truncate(held + read);
        self.is_over = read == 0;
        // A secret may have begun in the last bytes.
        let held_back = if self.is_over { 0 } else { self.secrets.longest - 1 };
        self.safe = self.buffer.len().saturating_sub(held_back);
        self.secrets.mask(&mut self.buffer, self.safe);
        Ok(())
    }
}

impl<R: Read> Read for Masked<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.given == self.safe && !self.is_over {
            self.fill()?;
        }
        let count = out.len().min(self.safe - self.given);
        out[..count].copy_from_slice(&self.buffer[self.given..self.given + count]);
        self.given += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte at a time.
    struct Drops<'a>(&'a [u8]);

    impl Read for Drops<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let Some((first, rest)) = self.0.split_first() else { return Ok(0) };
            out[0] = *first;
            self.0 = rest;
            Ok(1)
        }
    }

    #[test]
    fn secrets_are_stars_of_the_same_length_however_they_are_read() {
        let secrets = Secrets::new(vec!["sesame-open".into(), "sesame-open-wide".into()]);
        let text = b"a sesame-open-wide, sesame-open. sesame-sesame-open sesam";
        let expected = "a ****************, ***********. sesame-*********** sesam";
        let mut seen = String::new();
        Masked::new(&text[..], &secrets).read_to_string(&mut seen).unwrap();
        assert_eq!(seen, expected);
        seen.clear();
        Masked::new(Drops(text), &secrets).read_to_string(&mut seen).unwrap();
        assert_eq!(seen, expected);
    }

    #[test]
    fn without_secrets_everything_passes() {
        let (secrets, mut seen) = (Secrets::new(vec!["short".into()]), Vec::new());
        Masked::new(&b"short"[..], &secrets).read_to_end(&mut seen).unwrap();
        assert_eq!(seen, b"short");
    }
}
