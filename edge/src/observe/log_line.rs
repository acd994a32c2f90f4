//! One line of the access log: JSON, written straight into memory that is used again.
//!
//! What a client says is written when its request begins, what became of it when it has
//! ended. No field is longer than [`LOG_FIELD_MAX_BYTES`].

use std::cell::RefCell;
use std::io::Write as _;
use std::mem;
use std::net::IpAddr;
use std::time::Duration;

use shared::RequestId;

use super::access_log::AccessLog;
use crate::digits::{append_address, append_number, write_digits};
use crate::limits::{LOG_FIELD_MAX_BYTES, LOG_LINES_SPARE, LOG_SPARE_BYTES};

pub(super) struct LogLine {
    text: Vec<u8>,
}

/// What is known of a request when it begins.
#[derive(Debug, Default)]
pub(super) struct Asked<'a> {
    /// `1.0`, `1.1` or `2`; `None` for a head that was not understood, as with all below.
    pub(super) protocol: Option<&'static str>,
    pub(super) method: &'a str,
    pub(super) host: &'a str,
    /// Without the query: sign-in codes travel in queries.
    pub(super) path: &'a str,
    pub(super) user_agent: &'a [u8],
}

/// What has become of it.
pub(super) struct Became {
    pub(super) status: u16,
    pub(super) source: &'static str,
    pub(super) outcome: &'static str,
    /// Why a head was refused.
    pub(super) reason: Option<&'static str>,
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
    pub(super) total: Duration,
    /// Of sprite or control: from the request's going on to the head of the answer.
    pub(super) upstream: Option<Duration>,
    /// The edge's own part of `total`.
    pub(super) added: Option<Duration>,
}

/// Written over when the line ends, which is when it was logged; as many digits until 2286.
const TIME: &[u8] = b"{\"time\":0000000000000";
const TIME_AT: usize = TIME.len() - 13;

/// A field's name as it stands in the line, in one piece: each copy costs a call.
macro_rules! field {
    ($name:literal) => {
        concat!(",\"", $name, "\":")
    };
}

thread_local! {
    static SPARE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

impl LogLine {
    pub(super) fn begin(
        request: RequestId,
        address: IpAddr,
        tls: Option<&'static str>,
        asked: &Asked<'_>,
    ) -> Self {
        let text = SPARE.with_borrow_mut(Vec::pop);
        let mut line = Self { text: text.unwrap_or_else(|| Vec::with_capacity(LOG_SPARE_BYTES)) };
        line.text.extend_from_slice(TIME);
        line.write(concat!(field!("request_id"), "\""));
        line.text.extend_from_slice(&request.digits());
        line.write(concat!("\"", field!("address"), "\""));
        append_address(address, &mut line.text);
        line.write("\"");
        line.own(field!("protocol"), asked.protocol);
        line.own(field!("tls"), tls);
        line.field(field!("method"), asked.method.as_bytes());
        line.field(field!("host"), asked.host.as_bytes());
        line.field(field!("path"), asked.path.as_bytes());
        if !asked.user_agent.is_empty() {
            line.field(field!("user_agent"), asked.user_agent);
        }
        line
    }

    /// What lives for hours keeps no more memory than it needs.
    pub(super) fn shrink(&mut self) {
        self.text.shrink_to_fit();
    }

    /// `time_millis` is when it has ended, in unix milliseconds.
    pub(super) fn end(mut self, became: &Became, time_millis: u64, log: &AccessLog) {
        self.finish(became, time_millis);
        log.write(&self.text);
    }

    fn finish(&mut self, became: &Became, time_millis: u64) {
        self.number(field!("status"), u64::from(became.status));
        self.own(field!("source"), Some(became.source));
        self.own(field!("outcome"), Some(became.outcome));
        self.own(field!("reason"), became.reason);
        self.number(field!("bytes_in"), became.bytes_in);
        self.number(field!("bytes_out"), became.bytes_out);
        self.seconds(field!("seconds"), Some(became.total));
        self.seconds(field!("upstream_seconds"), became.upstream);
        self.seconds(field!("added_seconds"), became.added);
        self.text.extend_from_slice(b"}\n");
        self.set_time(time_millis);
    }

    fn set_time(&mut self, millis: u64) {
        write_digits(millis, &mut self.text[TIME_AT..TIME.len()]);
    }

    fn write(&mut self, text: &str) {
        self.text.extend_from_slice(text.as_bytes());
    }

    /// A word of ours, which needs no escape.
    fn own(&mut self, name: &str, word: Option<&'static str>) {
        let Some(word) = word else { return };
        for part in [name, "\"", word, "\""] {
            self.write(part);
        }
    }

    fn number(&mut self, name: &str, number: u64) {
        self.write(name);
        append_number(number, &mut self.text);
    }

    fn seconds(&mut self, name: &str, duration: Option<Duration>) {
        let Some(duration) = duration else { return };
        self.number(name, duration.as_secs());
        self.text.push(b'.');
        let mut micros = [0; 6];
        write_digits(duration.subsec_micros().into(), &mut micros);
        self.text.extend_from_slice(&micros);
    }

    /// What a client said.
    fn field(&mut self, name: &str, value: &[u8]) {
        self.write(name);
        self.text.push(b'"');
        let is_cut = value.len() > LOG_FIELD_MAX_BYTES;
        match std::str::from_utf8(value) {
            Ok(value) if is_cut => {
                let end = value.floor_char_boundary(LOG_FIELD_MAX_BYTES);
                append_escaped(&value.as_bytes()[..end], &mut self.text);
            }
            Ok(value) => append_escaped(value.as_bytes(), &mut self.text),
            Err(_) => {
                let some = &value[..value.len().min(LOG_FIELD_MAX_BYTES)];
                append_escaped(String::from_utf8_lossy(some).as_bytes(), &mut self.text);
            }
        }
        self.text.push(b'"');
    }
}

impl Drop for LogLine {
    fn drop(&mut self) {
        let mut text = mem::take(&mut self.text);
        if (LOG_SPARE_BYTES..=2 * LOG_SPARE_BYTES).contains(&text.capacity()) {
            text.clear();
            SPARE.with_borrow_mut(|spare| {
                if spare.len() < LOG_LINES_SPARE {
                    spare.push(text);
                }
            });
        }
    }
}

/// RFC 8259, 7. Most text needs nothing, which is seen many bytes at a time.
fn append_escaped(text: &[u8], out: &mut Vec<u8>) {
    let is_plain = |byte: u8| (byte >= 0x20) & (byte != b'"') & (byte != b'\\');
    if text.iter().fold(true, |plain, byte| plain & is_plain(*byte)) {
        return out.extend_from_slice(text);
    }
    let mut from = 0;
    for (at, byte) in text.iter().enumerate() {
        if is_plain(*byte) {
            continue;
        }
        out.extend_from_slice(&text[from..at]);
        write!(out, "\\u{byte:04x}").expect("writing to memory");
        from = at + 1;
    }
    out.extend_from_slice(&text[from..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn line(asked: &Asked<'_>, became: &Became) -> Value {
        let address = [203, 0, 113, 9].into();
        let mut line = LogLine::begin(RequestId::from_bits(1), address, Some("1.3"), asked);
        line.finish(became, 1_764_000_000_123);
        assert_eq!(line.text.iter().filter(|byte| **byte == b'\n').count(), 1);
        serde_json::from_slice(&line.text).unwrap()
    }

    fn became(total: Duration) -> Became {
        Became {
            status: 200,
            source: "sprite",
            outcome: "2xx",
            reason: None,
            bytes_in: 0,
            bytes_out: 0,
            total,
            upstream: None,
            added: None,
        }
    }

    #[test]
    fn numbers_times_and_addresses_are_written_as_json_has_them() {
        let seen = line(&Asked::default(), &became(Duration::from_micros(1_000_042)));
        assert_eq!(seen["time"], 1_764_000_000_123_u64);
        assert_eq!(seen["address"], "203.0.113.9");
        assert_eq!(seen["request_id"], format!("{:032x}", 1));
        assert_eq!((&seen["status"], &seen["seconds"]), (&200.into(), &1.000_042.into()));
        assert!(seen.get("user_agent").is_none() && seen.get("protocol").is_none());
    }

    #[test]
    fn every_field_is_documented() {
        let documented = include_str!("../../../docs/access-log.md");
        let asked = Asked {
            protocol: Some("2"),
            method: "GET",
            host: "ada.arca.test",
            path: "/",
            user_agent: b"curl",
        };
        let some = Some(Duration::ZERO);
        let became =
            Became { reason: Some("head"), upstream: some, added: some, ..became(Duration::ZERO) };
        let seen = line(&asked, &became);
        let fields = seen.as_object().unwrap();
        assert_eq!(fields.len(), 18);
        for field in fields.keys() {
            assert!(documented.contains(&format!("`{field}`")), "docs/access-log.md lacks {field}");
        }
    }

    proptest! {
        #[test]
        fn whatever_a_client_says_is_one_line_of_json(
            host in any::<String>(), agent in prop::collection::vec(any::<u8>(), 0..2_000),
        ) {
            let asked = Asked { host: &host, user_agent: &agent, ..Asked::default() };
            let seen = line(&asked, &became(Duration::ZERO));
            prop_assert_eq!(seen["host"].as_str(), Some(host.as_str()));
            if let (Ok(text), true) = (std::str::from_utf8(&agent), !agent.is_empty()) {
                let end = text.floor_char_boundary(LOG_FIELD_MAX_BYTES);
                prop_assert_eq!(seen["user_agent"].as_str(), Some(&text[..end]));
            }
        }
    }
}
