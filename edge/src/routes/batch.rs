//! A batch of changes as it comes in: each entry read apart from the others.
//!
//! So one look names everything that is wrong with a batch, and a bad entry
//! says which one it is instead of spoiling the whole body's syntax.

use serde::Deserialize;
use serde_json::value::RawValue;
use shared::wire::ChangesRequest;
use shared::{Change, Checksum, Generation};

use crate::limits::QUOTE_MAX_CHARS;

/// What `POST /v1/changes` asks for.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    pub base: Generation,
    pub generation: Generation,
    pub checksum: Option<Checksum>,
    pub entries: Vec<Result<Change, Unreadable>>,
}

/// An entry that is no change, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unreadable {
    /// What the entry seems to be about, as far as that can be seen.
    pub subject: Option<String>,
    pub reason: String,
}

impl Batch {
    /// # Errors
    /// When the body around the entries cannot be read. What is wrong with a
    /// single entry stands in its place.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Body<'a> {
            base: Generation,
            generation: Generation,
            #[serde(default)]
            checksum: Option<Checksum>,
            #[serde(borrow)]
            changes: Vec<&'a RawValue>,
        }
        let Body { base, generation, checksum, changes } = serde_json::from_slice(body)?;
        let entries = changes.into_iter().map(read).collect();
        Ok(Self { base, generation, checksum, entries })
    }
}

impl From<ChangesRequest> for Batch {
    fn from(request: ChangesRequest) -> Self {
        let ChangesRequest { base, generation, checksum, changes } = request;
        Self { base, generation, checksum, entries: changes.into_iter().map(Ok).collect() }
    }
}

fn read(entry: &RawValue) -> Result<Change, Unreadable> {
    serde_json::from_str(entry.get()).map_err(|error| Unreadable {
        subject: subject(entry),
        reason: shorten(&error.to_string()),
    })
}

/// `put ada` out of `{"put":{"username":"ada", …}}`, whatever else is wrong in there.
fn subject(entry: &RawValue) -> Option<String> {
    let value: serde_json::Value = serde_json::from_str(entry.get()).ok()?;
    let (kind, about) = value.as_object()?.iter().next()?;
    let name = about.as_str().or_else(|| about.get("username")?.as_str())?;
    Some(shorten(&format!("{kind} {name}")))
}

/// At most [`QUOTE_MAX_CHARS`] and nothing that could disturb a terminal.
pub(super) fn shorten(text: &str) -> String {
    let mut short: String = text
        .chars()
        .take(QUOTE_MAX_CHARS)
        .map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c })
        .collect();
    if text.chars().nth(QUOTE_MAX_CHARS).is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::samples::{name, route};
    use proptest::prelude::*;

    fn check(entry: &str, subject: Option<&str>, reason: &str) {
        let body = format!(r#"{{"base":1,"generation":2,"changes":[{{"remove":"ada"}},{entry}]}}"#);
        let batch = Batch::parse(body.as_bytes()).unwrap();
        assert_eq!(batch.entries[0], Ok(Change::Remove(name("ada"))), "{entry}");
        let seen = batch.entries[1].clone().unwrap_err();
        assert_eq!(seen.subject.as_deref(), subject, "{entry}");
        assert!(seen.reason.contains(reason), "{entry}: {}", seen.reason);
    }

    #[test]
    fn a_bad_entry_is_named_and_spoils_no_other() {
        check(r#"{"remove":"a_b"}"#, Some("remove a_b"), "lower-case letters");
        check(r#"{"remove":7}"#, None, "expected a string");
        check("null", None, "expected");
        check("[]", None, "expected");
        check(r#"{"drop":"ada"}"#, Some("drop ada"), "unknown variant");
        check(r#"{"put":{"username":"ada","epoch":"x"}}"#, Some("put ada"), "expected u64");
        check(r#"{"lock":{"username":"ada","until":-1}}"#, Some("lock ada"), "-1");
        let long = format!(r#"{{"remove":"{}"}}"#, "a".repeat(5_000));
        check(&long, Some(&format!("remove {}…", "a".repeat(193))), "2 to 32 characters");
        check(&format!("{}1{}", "[".repeat(100), "]".repeat(100)), None, "expected");
    }

    #[test]
    fn a_body_that_is_no_batch_is_refused() {
        for body in [
            "",
            "[]",
            "{}",
            r#"{"base":1,"generation":2}"#,
            r#"{"base":"1","generation":2,"changes":[]}"#,
            r#"{"base":1,"generation":-2,"changes":[]}"#,
            r#"{"base":1,"generation":2,"changes":{}}"#,
            r#"{"base":1,"base":1,"generation":2,"changes":[]}"#,
            r#"{"base":1,"generation":2,"changes":[],"more":1}"#,
            r#"{"base":1,"generation":2,"checksum":"zz","changes":[]}"#,
            r#"{"base":1,"generation":2,"changes":[]} x"#,
            "{\"base\":1,\"generation\":2,\"changes\":[\"\u{0}\"]}",
        ] {
            assert!(Batch::parse(body.as_bytes()).is_err(), "{body}");
        }
        assert!(Batch::parse(b"\xff\xfe").is_err());
    }

    #[test]
    fn what_control_sends_is_read_back() {
        let request = ChangesRequest {
            base: Generation(1),
            generation: Generation(2),
            checksum: None,
            changes: vec![Change::Put(route("ada"))],
        };
        let batch = Batch::parse(&serde_json::to_vec(&request).unwrap()).unwrap();
        assert_eq!(batch.entries, Batch::from(request).entries);
    }

    proptest! {
        #[test]
        fn no_body_panics(body in prop::collection::vec(any::<u8>(), 0..200), text in ".{0,60}") {
            let _ = Batch::parse(&body);
            let body = format!(r#"{{"base":1,"generation":2,"changes":[{text}]}}"#);
            let _ = Batch::parse(body.as_bytes());
        }
    }
}
