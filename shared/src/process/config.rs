//! Reads a TOML configuration and reports every complaint at once.
//!
//! ```text
//! edge.toml:3: listen: "80" is not an address with a port
//! edge.toml:9: limits.body_max_bytes: must be between 1 and 1073741824
//! edge.toml: admin_token: is missing
//! ```
//!
//! A program asks a [`Section`] for each key it knows. A key that nobody asked
//! for is a complaint too: a misspelt option must not silently be the default.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;
use std::net::SocketAddr;
use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::named_file;
use crate::Secret;

/// Everything that is wrong with one file. Programs exit with 64 on it.
#[derive(Debug, thiserror::Error)]
pub struct Complaints {
    lines: Vec<String>,
}

impl Complaints {
    /// What was found wrong after the file was read, by asking somebody else about it.
    pub fn found_later(lines: Vec<String>) -> Self {
        Self { lines }
    }

    pub fn lines(&self) -> &[String] {
        &self.lines
    }
}

impl fmt::Display for Complaints {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.lines.join("\n"))
    }
}

/// The text of a configuration file and what was found wrong so far.
pub struct Document {
    path: PathBuf,
    text: String,
    complaints: RefCell<Vec<(usize, String)>>,
}

impl Document {
    /// # Errors
    /// When the file cannot be read.
    pub fn read(path: &Path) -> Result<Self, Complaints> {
        match named_file::read_text(path) {
            Ok(text) => Ok(Self::from_text(path, text)),
            Err(error) => Err(Complaints {
                lines: vec![format!("{}: cannot be read: {error}", path.display())],
            }),
        }
    }

    pub fn from_text(path: &Path, text: String) -> Self {
        Self { path: path.to_owned(), text, complaints: RefCell::default() }
    }

    /// Runs `read` over the file and returns what it made, if nothing was wrong.
    ///
    /// `read` returns `None` when it lacks something; each such thing is a complaint already.
    ///
    /// # Errors
    /// All complaints, in the order of their lines.
    pub fn check<T>(
        &self,
        read: impl FnOnce(&mut Section<'_>) -> Option<T>,
    ) -> Result<T, Complaints> {
        let (table, syntax) = DeTable::parse_recoverable(&self.text);
        for error in &syntax {
            self.complain(error.span(), error.message());
        }
        let mut root = Section::new(self, String::new(), Some(table.get_ref()));
        let made = read(&mut root);
        root.finish();
        let mut complaints = self.complaints.take();
        if let (Some(made), true) = (made, complaints.is_empty()) {
            return Ok(made);
        }
        complaints.sort();
        Err(Complaints { lines: complaints.into_iter().map(|(_, line)| line).collect() })
    }

    /// A complaint that belongs to no key, such as two keys that contradict each other.
    pub fn complain(&self, span: Option<Range<usize>>, message: &str) {
        let path = self.path.display();
        // Span 0..0 is a key that is missing: there is no line to point at.
        let complaint = match span.filter(|span| span.end > 0) {
            Some(span) => {
                let line = self.text[..span.start.min(self.text.len())].matches('\n').count() + 1;
                (line, format!("{path}:{line}: {message}"))
            }
            None => (usize::MAX, format!("{path}: {message}")),
        };
        self.complaints.borrow_mut().push(complaint);
    }
}

/// One table of the file. Remembers which of its keys were asked for.
pub struct Section<'a> {
    document: &'a Document,
    prefix: String,
    table: Option<&'a DeTable<'a>>,
    asked: BTreeSet<&'static str>,
}

impl<'a> Section<'a> {
    fn new(document: &'a Document, prefix: String, table: Option<&'a DeTable<'a>>) -> Self {
        Self { document, prefix, table, asked: BTreeSet::new() }
    }

    /// A text that `parse` accepts; a complaint when it is missing.
    pub fn required<T, E: fmt::Display>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        if self.find(key).is_none() {
            self.complain(key, "is missing");
            return None;
        }
        self.optional(key, parse)
    }

    /// A text that `parse` accepts; `None` when it is missing.
    pub fn optional<T, E: fmt::Display>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.text(key)?;
        match parse(text) {
            Ok(value) => Some(value),
            Err(error) => {
                self.complain(key, &error.to_string());
                None
            }
        }
    }

    /// The text as it stands; a complaint when it is missing or empty.
    pub fn string(&mut self, key: &'static str) -> Option<String> {
        self.required(
            key,
            |text| {
                if text.is_empty() { Err("is empty") } else { Ok(text.to_owned()) }
            },
        )
    }

    pub fn path(&mut self, key: &'static str) -> Option<PathBuf> {
        self.string(key).map(PathBuf::from)
    }

    /// `key = "…"` or `key_file = "/path"`, whose content counts without its last newline.
    ///
    /// Both key names are given because the second is asked for as well.
    pub fn secret(&mut self, key: &'static str, file_key: &'static str) -> Option<Secret<String>> {
        let file = self.optional(file_key, |path| {
            let text = named_file::read_text(Path::new(path));
            text.map_err(|error| format!("{path} cannot be read: {error}"))
        });
        let secret = match file {
            Some(text) => text.trim_end().to_owned(),
            None if self.find(file_key).is_some() => return None,
            None => self.string(key)?,
        };
        if secret.len() < 16 {
            self.complain(key, "must have at least 16 characters");
            return None;
        }
        if !secret.bytes().all(|byte| (0x20..=0x7e).contains(&byte)) {
            self.complain(key, "has a character that no header of HTTP carries");
            return None;
        }
        Some(Secret::new(secret))
    }

    pub fn flag(&mut self, key: &'static str, default: bool) -> bool {
        match self.find(key).map(Spanned::get_ref) {
            None => default,
            Some(DeValue::Boolean(value)) => *value,
            Some(other) => {
                self.complain_type(key, "true or false", other);
                default
            }
        }
    }

    pub fn number(&mut self, key: &'static str, range: RangeInclusive<u64>, default: u64) -> u64 {
        let Some(value) = self.find(key) else { return default };
        let number = match value.get_ref() {
            DeValue::Integer(digits) => u64::from_str_radix(digits.as_str(), digits.radix()).ok(),
            other => {
                self.complain_type(key, "a whole number", other);
                return default;
            }
        };
        match number.filter(|number| range.contains(number)) {
            Some(number) => number,
            None => {
                let message = format!("must be between {} and {}", range.start(), range.end());
                self.complain(key, &message);
                default
            }
        }
    }

    /// Whole seconds; the key's name ends in `_seconds`.
    pub fn seconds(
        &mut self,
        key: &'static str,
        range: RangeInclusive<u64>,
        default: u64,
    ) -> Duration {
        Duration::from_secs(self.number(key, range, default))
    }

    /// A list of texts, each accepted by `parse`; empty when it is missing.
    pub fn list<T, E: fmt::Display>(
        &mut self,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Vec<T> {
        let Some(value) = self.find(key) else { return Vec::new() };
        let Some(items) = value.get_ref().as_array() else {
            self.complain_type(key, "a list", value.get_ref());
            return Vec::new();
        };
        let mut parsed = Vec::with_capacity(items.len());
        for item in items {
            match item
                .get_ref()
                .as_str()
                .ok_or("not a text".to_owned())
                .and_then(|text| parse(text).map_err(|error| format!("{text:?}: {error}")))
            {
                Ok(value) => parsed.push(value),
                Err(error) => self.complain(key, &error),
            }
        }
        parsed
    }

    /// A text, or a list of at most `max` of them, each accepted by `parse`; a complaint when
    /// there is none.
    pub fn one_or_more<T, E: fmt::Display>(
        &mut self,
        key: &'static str,
        max: usize,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<Vec<T>> {
        let items = self.find(key).and_then(|value| value.get_ref().as_array());
        let Some(count) = items.map(|items| items.len()) else {
            return self.required(key, parse).map(|one| vec![one]);
        };
        if !(1..=max).contains(&count) {
            self.complain(key, &format!("has {count} entries, and must have 1 to {max}"));
            return None;
        }
        let parsed = self.list(key, parse);
        (parsed.len() == count).then_some(parsed)
    }

    /// Is there such a key? From then on it is a known one.
    pub fn is_there(&mut self, key: &'static str) -> bool {
        self.find(key).is_some()
    }

    /// Reads the table `[key]`; an absent one reads as empty.
    pub fn table<T>(&mut self, key: &'static str, read: impl FnOnce(&mut Section<'_>) -> T) -> T {
        let found = self.find(key);
        let table = found.and_then(|value| value.get_ref().as_table());
        if let (Some(value), None) = (found, table) {
            self.complain_type(key, "a table", value.get_ref());
        }
        let mut section = Section::new(self.document, self.name(key), table);
        let made = read(&mut section);
        section.finish();
        made
    }

    /// Reads the table `[key]`; `None` when it is absent or `read` complained.
    pub fn optional_table<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Section<'_>) -> Option<T>,
    ) -> Option<T> {
        self.find(key)?;
        self.table(key, read)
    }

    /// Reads each table of `[[key]]`; leaves out those that `read` complained about.
    pub fn tables<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&mut Section<'_>) -> Option<T>,
    ) -> Vec<T> {
        let Some(value) = self.find(key) else { return Vec::new() };
        let Some(items) = value.get_ref().as_array() else {
            self.complain_type(key, "a list of tables", value.get_ref());
            return Vec::new();
        };
        let mut made = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let Some(table) = item.get_ref().as_table() else {
                self.complain_type(key, "a list of tables", item.get_ref());
                continue;
            };
            let name = format!("{}[{index}]", self.name(key));
            let mut section = Section::new(self.document, name, Some(table));
            made.extend(read(&mut section));
            section.finish();
        }
        made
    }

    /// A table whose keys are names of the operator's own, each with a text.
    pub fn map(&mut self, key: &'static str) -> Vec<(String, String)> {
        let Some(value) = self.find(key) else { return Vec::new() };
        let Some(table) = value.get_ref().as_table() else {
            self.complain_type(key, "a table", value.get_ref());
            return Vec::new();
        };
        let mut pairs = Vec::new();
        for (name, value) in table {
            match value.get_ref().as_str() {
                Some(text) => pairs.push((name.get_ref().to_string(), text.to_owned())),
                None => self.complain_type(key, "a table of texts", value.get_ref()),
            }
        }
        pairs
    }

    /// Complains of two listeners at one address, of which the second cannot be opened.
    pub fn complain_of_one_address(&self, listeners: &[(&'static str, SocketAddr)]) {
        for (at, (key, address)) in listeners.iter().enumerate() {
            let clashes = |(_, other): &&(&'static str, SocketAddr)| {
                let (one, two) = (address.ip(), other.ip());
                let is_one = one == two
                    || (one.is_ipv4() == two.is_ipv4()
                        && (one.is_unspecified() || two.is_unspecified()));
                // Port 0 is whatever is free.
                address.port() != 0 && address.port() == other.port() && is_one
            };
            if let Some((other, _)) = listeners[..at].iter().find(clashes) {
                self.complain(key, &format!("{address} is taken already, by {other}"));
            }
        }
    }

    /// Complains about `key`, whether it is there or not. Never give it a secret.
    pub fn complain(&self, key: &'static str, message: &str) {
        let span = self.table.and_then(|table| table.get(key)).map(Spanned::span);
        self.document.complain(span, &format!("{}: {message}", self.name(key)));
    }

    fn complain_type(&self, key: &'static str, expected: &str, found: &DeValue<'_>) {
        self.complain(key, &format!("must be {expected}, not {}", found.type_str()));
    }

    fn find(&mut self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.asked.insert(key);
        self.table?.get(key)
    }

    fn text(&mut self, key: &'static str) -> Option<&'a str> {
        let value = self.find(key)?.get_ref();
        if value.as_str().is_none() {
            self.complain_type(key, "a text in quotes", value);
        }
        value.as_str()
    }

    fn name(&self, key: &str) -> String {
        if self.prefix.is_empty() { key.to_owned() } else { format!("{}.{key}", self.prefix) }
    }

    fn finish(&self) {
        for (key, _) in self.table.into_iter().flatten() {
            if !self.asked.contains(key.get_ref().as_ref()) {
                let message = format!("{}: is not a known key", self.name(key.get_ref()));
                self.document.complain(Some(key.span()), &message);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let document = Document::from_text(Path::new("x.toml"), text.to_owned());
        let complaints = document.check(|root| {
            let port = root.required("port", str::parse::<u16>);
            let size = root.number("size", 1..=10, 5);
            root.flag("loud", false);
            root.list("names", |name| if name == "bad" { Err("is bad") } else { Ok(()) });
            root.table("limits", |limits| limits.seconds("idle_seconds", 1..=60, 30));
            root.tables("edges", |edge| edge.string("name"));
            Some((port?, size))
        });
        let seen = complaints.err().map(|error| error.to_string()).unwrap_or_default();
        assert_eq!(seen.lines().collect::<Vec<_>>(), expected, "{text}");
    }

    #[test]
    fn a_good_file_has_no_complaints() {
        check("port = '80'\nsize = 3\n[limits]\nidle_seconds = 9\n[[edges]]\nname = 'a'\n", &[]);
    }

    #[test]
    fn every_complaint_comes_at_once_with_its_line() {
        check(
            "port = 'eighty'\nsize = 11\nloud = 'yes'\nnames = ['good', 'bad']\nspeed = 1\n\
             [limits]\nidle_seconds = -4\nidel = 1\n[[edges]]\n",
            &[
                "x.toml:1: port: invalid digit found in string",
                "x.toml:2: size: must be between 1 and 10",
                "x.toml:3: loud: must be true or false, not string",
                "x.toml:4: names: \"bad\": is bad",
                "x.toml:5: speed: is not a known key",
                "x.toml:7: limits.idle_seconds: must be between 1 and 60",
                "x.toml:8: limits.idel: is not a known key",
                "x.toml: edges[0].name: is missing",
            ],
        );
    }

    #[test]
    fn two_listeners_have_two_addresses() {
        let check = |addresses: &[&str], expected: &[&str]| {
            let document = Document::from_text(Path::new("x.toml"), String::new());
            let listeners: Vec<_> =
                addresses.iter().map(|address| ("listen", address.parse().unwrap())).collect();
            let complaints = document.check(|root| {
                root.complain_of_one_address(&listeners);
                Some(())
            });
            let seen = complaints.err().map(|error| error.to_string()).unwrap_or_default();
            assert_eq!(seen.lines().collect::<Vec<_>>(), expected, "{addresses:?}");
        };
        check(&["1.1.1.1:80", "1.1.1.1:81", "1.1.1.2:80", "[::]:80", "0.0.0.0:443"], &[]);
        check(&["127.0.0.1:0", "127.0.0.1:0"], &[]);
        let taken = "x.toml: listen: 1.1.1.1:80 is taken already, by listen";
        check(&["1.1.1.1:80", "1.1.1.1:80"], &[taken]);
        check(&["0.0.0.0:80", "1.1.1.1:80"], &[taken]);
        check(&["[::]:80", "[::1]:80"], &["x.toml: listen: [::1]:80 is taken already, by listen"]);
    }

    #[test]
    fn a_secret_is_what_a_header_carries() {
        let check = |text: &str, expected: &str| {
            let document = Document::from_text(Path::new("x.toml"), format!("key = \"{text}\"\n"));
            let complaints = document.check(|root| root.secret("key", "key_file"));
            let seen = complaints.err().map(|error| error.to_string()).unwrap_or_default();
            assert_eq!(seen, expected, "{text}");
        };
        check("sixteen letters!", "");
        check("fifteen letters", "x.toml:1: key: must have at least 16 characters");
        let unsendable = "x.toml:1: key: has a character that no header of HTTP carries";
        check("sixteen letters and\\n", unsendable);
        check("sechzehn Schlüssel", unsendable);
    }

    #[test]
    fn a_syntax_error_does_not_hide_the_rest() {
        let text = "size = = 3\nspeed = 1\n".to_owned();
        let document = Document::from_text(Path::new("x.toml"), text);
        let complaints = document.check(|_| Some(())).unwrap_err().to_string();
        assert!(complaints.starts_with("x.toml:1: "), "{complaints}");
        assert!(complaints.contains("x.toml:2: speed: is not a known key"), "{complaints}");
    }
}
