//! A whole table as it comes in, line by line.
//!
//! The first line says how much follows; nothing is believed beyond it. A bad
//! line is remembered by its number and reading goes on, so that the sender
//! hears of all of them.

use std::sync::Arc;

use shared::wire::{TableHead, TableLine};
use shared::{AddressPolicy, Lock, Route};

use super::batch::shorten;
use super::rejection::Rejection;
use crate::limits::{COMPLAINTS_MAX, LINE_MAX_BYTES, LOCKS_MAX, ROUTES_MAX, UPLOAD_MAX_BYTES};

/// A table that was read without a complaint, its names not yet compared.
#[derive(Debug)]
pub(crate) struct Whole {
    pub head: TableHead,
    pub routes: Vec<Arc<Route>>,
    pub locks: Vec<Lock>,
    /// Is a table without routes meant to end every route that is served?
    pub empties: bool,
}

pub(crate) struct Upload {
    policy: AddressPolicy,
    empties: bool,
    head: Option<TableHead>,
    routes: Vec<Arc<Route>>,
    locks: Vec<Lock>,
    /// The line that has begun and not ended yet, at most [`LINE_MAX_BYTES`] of it.
    partial: Vec<u8>,
    is_too_long: bool,
    lines: u64,
    bytes: u64,
    complaints: Vec<String>,
    more_complaints: u64,
}

impl Upload {
    /// `empties` as in [`Whole`].
    pub(crate) fn new(policy: AddressPolicy, empties: bool) -> Self {
        Self {
            policy,
            empties,
            head: None,
            routes: Vec::new(),
            locks: Vec::new(),
            partial: Vec::new(),
            is_too_long: false,
            lines: 0,
            bytes: 0,
            complaints: Vec::new(),
            more_complaints: 0,
        }
    }

    /// Takes the next bytes, cut wherever the network cut them.
    ///
    /// # Errors
    /// [`UPLOAD_MAX_BYTES`] are exceeded; there is no use in sending more.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<(), Rejection> {
        self.bytes += bytes.len() as u64;
        if self.bytes > UPLOAD_MAX_BYTES {
            let complaint = format!("the table has more than {UPLOAD_MAX_BYTES} bytes");
            return Err(Rejection::BadEntries(vec![complaint]));
        }
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (piece, is_end) = match piece.strip_suffix(b"\n") {
                Some(piece) => (piece, true),
                None => (piece, false),
            };
            self.is_too_long |= self.partial.len() + piece.len() > LINE_MAX_BYTES;
            if !self.is_too_long {
                self.partial.extend_from_slice(piece);
            }
            if is_end {
                self.end_line();
            }
        }
        Ok(())
    }

    /// # Errors
    /// Every bad line, and every count that is not what the head said.
    pub(crate) fn finish(mut self) -> Result<Whole, Rejection> {
        if !self.partial.is_empty() || self.is_too_long {
            self.end_line();
        }
        let Some(head) = self.head else {
            if self.lines == 0 {
                self.complain("line 1: the head of the table is missing".to_owned());
            }
            return Err(self.refusal());
        };
        let (routes, locks) = (self.routes.len() as u64, self.locks.len() as u64);
        // A bad line is missing from its count; one complaint about it is enough.
        if self.complaints.is_empty() && (routes, locks) != (head.routes, head.locks) {
            self.complain(format!(
                "{routes} routes and {locks} locks came, not {} and {} as the head said",
                head.routes, head.locks
            ));
        }
        if !self.complaints.is_empty() {
            return Err(self.refusal());
        }
        Ok(Whole { head, routes: self.routes, locks: self.locks, empties: self.empties })
    }

    fn end_line(&mut self) {
        self.lines += 1;
        let mut line = std::mem::take(&mut self.partial);
        if std::mem::take(&mut self.is_too_long) {
            self.complain(format!("line {}: is longer than {LINE_MAX_BYTES} bytes", self.lines));
        } else if let Err(reason) = self.read(&line) {
            self.complain(format!("line {}: {}", self.lines, shorten(&reason)));
        }
        line.clear();
        self.partial = line;
    }

    fn read(&mut self, line: &[u8]) -> Result<(), String> {
        if self.lines == 1 {
            let head: TableHead =
                serde_json::from_slice(line).map_err(|error| format!("head: {error}"))?;
            if head.routes > ROUTES_MAX || head.locks > LOCKS_MAX {
                return Err(format!("an edge holds {ROUTES_MAX} routes and {LOCKS_MAX} locks"));
            }
            self.head = Some(head);
            return Ok(());
        }
        // Without a head nothing says how much may be kept.
        let Some(head) = self.head else { return Ok(()) };
        match serde_json::from_slice(line).map_err(|error| error.to_string())? {
            TableLine::Route(route) => {
                self.policy
                    .check_upstream(&route.upstream)
                    .map_err(|error| format!("route {}: {error}", route.username))?;
                if self.routes.len() as u64 == head.routes {
                    return Err(format!("is a route more than the {} of the head", head.routes));
                }
                self.routes.push(Arc::new(route));
            }
            TableLine::Lock(lock) => {
                if self.locks.len() as u64 == head.locks {
                    return Err(format!("is a lock more than the {} of the head", head.locks));
                }
                self.locks.push(lock);
            }
        }
        Ok(())
    }

    fn complain(&mut self, complaint: String) {
        if self.complaints.len() < COMPLAINTS_MAX {
            self.complaints.push(complaint);
        } else {
            self.more_complaints += 1;
        }
    }

    fn refusal(mut self) -> Rejection {
        if self.more_complaints > 0 {
            self.complaints.push(format!("and {} lines more", self.more_complaints));
        }
        Rejection::BadEntries(self.complaints)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::samples::{lock, route};
    use proptest::prelude::*;
    use shared::{Checksum, Generation};

    fn head(routes: u64, locks: u64) -> String {
        let head =
            TableHead { generation: Generation(7), routes, locks, checksum: Checksum::default() };
        serde_json::to_string(&head).unwrap()
    }

    fn route_line(username: &str) -> String {
        serde_json::to_string(&TableLine::Route(route(username))).unwrap()
    }

    fn read(text: &[u8], piece_bytes: usize) -> Result<Whole, Rejection> {
        let mut upload = Upload::new(AddressPolicy::default(), false);
        for piece in text.chunks(piece_bytes) {
            upload.push(piece)?;
        }
        upload.finish()
    }

    fn check(lines: &[&str], expected: &[&str]) {
        let refusal = read(lines.join("\n").as_bytes(), 100).unwrap_err();
        let Rejection::BadEntries(complaints) = refusal else { panic!("{refusal:?}") };
        assert_eq!(complaints.len(), expected.len(), "{complaints:#?}");
        for (complaint, expected) in complaints.iter().zip(expected) {
            assert!(complaint.contains(expected), "{complaint}");
        }
    }

    proptest! {
        #[test]
        fn it_does_not_matter_where_the_network_cuts(piece_bytes in 1usize..600, newline in any::<bool>()) {
            let lock = TableLine::Lock(lock("grace", None));
            let lock = serde_json::to_string(&lock).unwrap();
            let mut text = [head(2, 1), route_line("ada"), lock, route_line("grace")].join("\n");
            if newline {
                text.push('\n');
            }
            let whole = read(text.as_bytes(), piece_bytes).unwrap();
            prop_assert_eq!(whole.routes.len(), 2);
            prop_assert_eq!(whole.locks.len(), 1);
        }

        #[test]
        fn no_bytes_panic(text in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&text, 7);
            let _ = read(&[head(1, 1).as_bytes(), b"\n", &text].concat(), 7);
        }
    }

    #[test]
    fn every_bad_line_is_named() {
        let (one, two) = (route_line("ada"), route_line("grace"));
        let inside = two.replace("https://sprite.example.test", "https://169.254.169.254");
        check(&[], &["line 1: the head of the table is missing"]);
        check(&["{}"], &["line 1: head: missing field"]);
        check(&[&one, &two], &["line 1: head: "]);
        check(&[&head(2, 0), &one], &["1 routes and 0 locks came, not 2 and 0"]);
        check(&[&head(1, 0), &one, &two], &["line 3: is a route more than the 1"]);
        check(&[&head(1, 0), &one, r#"{"lock":{"username":"ada"}}"#], &["line 3: is a lock more"]);
        check(&[&head(2, 0), "x", &one, &inside], &["line 2: ", "line 4: route grace: address"]);
        check(&[&head(1, 0), "", &one], &["line 2: EOF"]);
        check(&[&head(1, 0), &"x".repeat(5_000), &one], &["line 2: is longer than 1024 bytes"]);
        check(&[&head(u64::MAX, 0)], &["line 1: an edge holds"]);
        check(&[&head(0, 0).replace("}", r#","x":1}"#)], &["line 1: head: unknown field"]);
    }

    #[test]
    fn a_flood_of_bad_lines_is_counted_and_not_kept() {
        let text = format!("{}\n{}", head(9, 0), "x\n".repeat(5_000));
        let Err(Rejection::BadEntries(complaints)) = read(text.as_bytes(), 4_096) else { panic!() };
        assert_eq!(complaints.len(), COMPLAINTS_MAX + 1);
        assert_eq!(complaints[COMPLAINTS_MAX], "and 4000 lines more");
    }
}
