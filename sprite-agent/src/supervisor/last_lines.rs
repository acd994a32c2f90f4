//! The last lines of a child, and what they say of the machine.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use super::events::Obstacle;

/// A stack trace and what came before it.
const KEPT_BYTES: usize = 4 << 10;

/// What programs say on a full disk, and of a port or memory that they did not get.
/// In lower case.
const COMPLAINTS: &[(&str, Obstacle)] = &[
    ("database or disk is full", Obstacle::Disk),
    ("no space left on device", Obstacle::Disk),
    ("enospc", Obstacle::Disk),
    ("edquot", Obstacle::Disk),
    ("disk quota exceeded", Obstacle::Disk),
    ("eaddrinuse", Obstacle::Port),
    ("address already in use", Obstacle::Port),
    ("heap out of memory", Obstacle::Memory),
    ("cannot allocate memory", Obstacle::Memory),
    ("enomem", Obstacle::Memory),
];

/// Clones see the same. One child each.
#[derive(Clone, Default)]
pub struct LastLines(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    bytes: VecDeque<u8>,
}

impl LastLines {
    pub fn push(&self, piece: &[u8]) {
        let mut kept = self.0.lock().expect("nothing panics while it holds the lines");
        kept.bytes.extend(piece);
        let surplus = kept.bytes.len().saturating_sub(KEPT_BYTES);
        kept.bytes.drain(..surplus);
    }

    pub fn text(&self) -> String {
        let mut kept = self.0.lock().expect("nothing panics while it holds the lines");
        String::from_utf8_lossy(kept.bytes.make_contiguous()).into_owned()
    }

    /// What the child said that it lacks, by its last words.
    pub fn complaint(&self) -> Option<Obstacle> {
        let text = self.text().to_lowercase();
        let last = COMPLAINTS
            .iter()
            .filter_map(|(words, obstacle)| text.rfind(words).map(|at| (at, *obstacle)));
        last.max_by_key(|(at, _)| *at).map(|(_, obstacle)| obstacle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<Obstacle>) {
        let lines = LastLines::default();
        lines.push(text.as_bytes());
        assert_eq!(lines.complaint(), expected, "{text}");
    }

    #[test]
    fn a_gateway_says_itself_what_it_lacks() {
        check("Error: database or disk is full\n", Some(Obstacle::Disk));
        check("Error: ENOSPC: no space left on device, write\n", Some(Obstacle::Disk));
        check(
            "Error: listen EADDRINUSE: address already in use 127.0.0.1:3001",
            Some(Obstacle::Port),
        );
        check("FATAL ERROR: JavaScript heap out of memory", Some(Obstacle::Memory));
        check("Invalid config at /x: Unrecognized key: \"bogus\"", None);
        check("", None);
    }

    #[test]
    fn only_the_end_is_kept() {
        let lines = LastLines::default();
        lines.push(b"ENOSPC\n");
        lines.push("x".repeat(KEPT_BYTES).as_bytes());
        assert_eq!((lines.complaint(), lines.text().len()), (None, KEPT_BYTES));
    }
}
