//! What a frame from the gateway is, read from as little of it as possible.
//!
//! A history can be megabytes; we only need to know whether it answers a
//! request that is waiting. The gateway writes `type` and `id` first, so that
//! as a rule some thirty bytes are looked at, whatever the frame's size.

use std::borrow::Cow;

#[derive(Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// Answers the request with this id.
    Response { id: Cow<'a, str> },
    /// An event, or something we do not know: none of our business.
    Other,
}

/// Never fails: what is no JSON is `Other`, and the page will say so itself.
pub fn peek(text: &str) -> Frame<'_> {
    let mut is_response = false;
    let mut id = None;
    for (key, value) in Members::of(text) {
        match key {
            "\"type\"" if value == "\"res\"" => is_response = true,
            "\"type\"" => return Frame::Other,
            "\"id\"" => id = text_of(value),
            _ => {}
        }
        if let (true, Some(id)) = (is_response, &mut id) {
            return Frame::Response { id: std::mem::take(id) };
        }
    }
    Frame::Other
}

/// Longer than any refusal.
const REFUSAL_MAX_BYTES: usize = 1024;

/// The gateway's word for its being closed to new work.
pub const SUSPENDING: &str = "gateway-suspending";

/// Is this the answer of a gateway that is closed to new work? It has not looked at the request.
pub fn is_suspended(response: &str) -> bool {
    response.len() <= REFUSAL_MAX_BYTES && response.contains("\"reason\":\"gateway-suspending\"")
}

/// The name of an event; `None` when the frame is none.
pub fn event_name(text: &str) -> Option<Cow<'_, str>> {
    let mut is_event = false;
    let mut name = None;
    for (key, value) in Members::of(text) {
        match key {
            "\"type\"" if value == "\"event\"" => is_event = true,
            "\"type\"" => return None,
            "\"event\"" => name = text_of(value),
            _ => {}
        }
        if is_event && name.is_some() {
            return name;
        }
    }
    None
}

/// The text that a JSON string stands for.
fn text_of(value: &str) -> Option<Cow<'_, str>> {
    let inner = value.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        serde_json::from_str(value).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

/// The members of the outermost object, one after another, each as it is written.
struct Members<'a> {
    rest: &'a str,
}

impl<'a> Members<'a> {
    fn of(text: &'a str) -> Self {
        Self { rest: text.trim_start().strip_prefix('{').unwrap_or_default() }
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest.trim_start();
        let rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
        let (key, rest) = rest.split_at_checked(string_end(rest)?)?;
        let rest = rest.trim_start().strip_prefix(':')?.trim_start();
        let (value, rest) = rest.split_at_checked(value_end(rest)?)?;
        self.rest = rest;
        Some((key, value))
    }
}

/// Where the string at the beginning of `text` ends, behind its closing quote.
fn string_end(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    if bytes.first() != Some(&b'"') {
        return None;
    }
    let mut at = 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

fn value_end(text: &str) -> Option<usize> {
    match text.as_bytes().first()? {
        b'"' => string_end(text),
        b'{' | b'[' => nested_end(text),
        _ => text.find([',', '}', ']', ' ', '\t', '\r', '\n']),
    }
}

fn nested_end(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut depth = 0_usize;
    let mut at = 0;
    loop {
        match bytes.get(at)? {
            b'"' => {
                at += string_end(&text[at..])?;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        let expected = expected.map_or(Frame::Other, |id| Frame::Response { id: id.into() });
        assert_eq!(peek(text), expected, "{text}");
    }

    #[test]
    fn a_response_is_known_by_its_id_wherever_it_stands() {
        check(r#"{"type":"res","id":"7","ok":true,"payload":{"id":"8"}}"#, Some("7"));
        check(r#" { "id" : "7" , "type" : "res" } "#, Some("7"));
        check(r#"{"payload":{"id":"8","x":["}",{"\"":1}]},"id":"7","type":"res"}"#, Some("7"));
        check(r#"{"ok":true,"n":-1.5e3,"id":"a\"b","type":"res"}"#, Some("a\"b"));
        check(r#"{"id":"\u0037","type":"res"}"#, Some("7"));
        check("{\"id\":\"ä\",\"type\":\"res\"}", Some("ä"));
    }

    #[test]
    fn an_event_is_known_by_its_name() {
        let frame = r#"{"type":"event","event":"question.requested","payload":{"event":"x"}}"#;
        assert_eq!(event_name(frame).as_deref(), Some("question.requested"));
        assert_eq!(event_name(r#"{"event":"x","type":"event"}"#).as_deref(), Some("x"));
        assert_eq!(event_name(r#"{"type":"res","event":"x"}"#), None);
        assert_eq!(event_name(r#"{"payload":{"type":"event","event":"x"}}"#), None);
    }

    #[test]
    fn a_response_is_known_before_its_end_is_read() {
        check(r#"{"type":"res","id":"7","payload":"#, Some("7"));
    }

    #[test]
    fn anything_else_is_left_alone() {
        for text in [
            "",
            "{",
            "{}",
            "[]",
            "null",
            "{\"type\":\"res\"}",
            "{\"type\":\"res\",\"id\":7}",
            r#"{"type":"event","event":"chat","id":"7"}"#,
            r#"{"type":"event","payload":{"type":"res","id":"7"}}"#,
            r#"{"payload":{"type":"res","id":"7"}}"#,
            r#"{"x":"\"#,
            r#"{"x":]"#,
            r#"{"x":"ä"#,
        ] {
            check(text, None);
        }
    }

    #[test]
    fn no_cut_through_a_frame_panics() {
        let text = r#"{"a":{"b":["ä","\\\"",{}]},"type":"res","id":"ä7","ok":true}"#;
        for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
            peek(&text[..end]);
        }
    }
}
