//! What arrived, for tests that compare requests.

use std::collections::{BTreeMap, VecDeque};

use axum::http::{HeaderMap, Method, Uri, header};
use serde::Serialize;

/// Calls remembered; the oldest go first.
pub const ENTRIES_MAX: usize = 1_000;

#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// Counts from 1 and never repeats, also after [`Journal::forget`].
    pub number: u64,
    pub method: String,
    pub path: String,
    pub query: Option<String>,
    /// Lower-case names. Of `authorization` only the scheme is kept.
    pub headers: BTreeMap<String, String>,
    pub body: String,
    /// `None` while it is being answered, and for a cut connection.
    pub status: Option<u16>,
    /// The fault that struck it.
    pub fault: Option<String>,
}

#[derive(Debug, Default)]
pub struct Journal {
    last: u64,
    entries: VecDeque<Entry>,
}

impl Journal {
    /// Returns the entry's number, for [`Journal::answered`].
    pub fn note(
        &mut self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        body: &[u8],
        fault: Option<String>,
    ) -> u64 {
        self.last += 1;
        if self.entries.len() >= ENTRIES_MAX {
            self.entries.pop_front();
        }
        self.entries.push_back(Entry {
            number: self.last,
            method: method.to_string(),
            path: uri.path().to_owned(),
            query: uri.query().map(ToOwned::to_owned),
            headers: headers.iter().map(|(name, value)| readable(name, value)).collect(),
            body: String::from_utf8_lossy(body).into_owned(),
            status: None,
            fault,
        });
        self.last
    }

    /// Nothing happens when the entry is forgotten already.
    pub fn answered(&mut self, number: u64, status: u16) {
        if let Some(entry) = self.entries.iter_mut().rev().find(|entry| entry.number == number) {
            entry.status = Some(status);
        }
    }

    /// Oldest first.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    pub fn forget(&mut self) {
        self.entries.clear();
    }
}

fn readable(name: &header::HeaderName, value: &header::HeaderValue) -> (String, String) {
    let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
    let text = if name == header::AUTHORIZATION { without_key(&text) } else { text };
    (name.to_string(), text)
}

/// `Bearer sk_…` becomes `Bearer ***`, a bare key `***`.
fn without_key(authorization: &str) -> String {
    match authorization.split_once(' ') {
        Some((scheme, _)) => format!("{scheme} ***"),
        None => "***".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_not_kept() {
        assert_eq!(without_key("Bearer sk_test_1"), "Bearer ***");
        assert_eq!(without_key("lin_api_1"), "***");
    }

    #[test]
    fn the_oldest_call_is_forgotten_first() {
        let mut journal = Journal::default();
        for _ in 0..=ENTRIES_MAX {
            journal.note(&Method::GET, &Uri::from_static("/"), &HeaderMap::new(), b"", None);
        }
        journal.answered(1, 200);
        assert_eq!(journal.entries().count(), ENTRIES_MAX);
        assert_eq!(journal.entries().next().unwrap().number, 2);
    }
}
