//! Answers that come line by line: what went on, and how it ended.

use serde::Deserialize;

use crate::http::Http;
use crate::sprites::SpritesError;

/// A service that floods its first seconds is still read to the end.
pub(super) const STREAM_MAX_BYTES: usize = 4 << 20;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    /// `complete`: it was done.
    Complete,
    /// `exit`: the process of a service ended.
    Exit { code: i64 },
    /// `error`, in the provider's words.
    Error(String),
    /// `stopped`: what was to stop has stopped.
    Stopped,
    /// `info`, and the plain `message` of an answer that has no type.
    Note(String),
    /// `started`, `stopping`, output, and whatever else is to come.
    Other,
}

#[derive(Deserialize)]
struct Wire {
    r#type: Option<String>,
    data: Option<String>,
    error: Option<String>,
    message: Option<String>,
    exit_code: Option<i64>,
}

/// # Errors
/// A line is not a JSON object: the end of the story is missing.
pub(super) fn parse(http: &Http, body: &[u8]) -> Result<Vec<Line>, SpritesError> {
    let lines = body.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    lines
        .map(|line| {
            let wire: Wire = serde_json::from_slice(line)
                .map_err(|error| SpritesError::Answer(format!("a line of it: {error}")))?;
            Ok(wire.line(http))
        })
        .collect()
}

impl Wire {
    fn line(self, http: &Http) -> Line {
        let text = || {
            let text = self.error.as_ref().or(self.data.as_ref()).or(self.message.as_ref());
            http.quote(text.map_or("", String::as_str))
        };
        match self.r#type.as_deref() {
            Some("complete") => Line::Complete,
            Some("stopped") => Line::Stopped,
            Some("exit") => Line::Exit { code: self.exit_code.unwrap_or(-1) },
            Some("error") => Line::Error(text()),
            None if self.error.is_some() => Line::Error(text()),
            Some("info") | None => Line::Note(text()),
            Some(_) => Line::Other,
        }
    }
}

/// Did it end well? An error counts wherever it stands, a stream without end not at all.
pub(super) fn require_complete(lines: &[Line]) -> Result<(), SpritesError> {
    if let Some(error) = first_error(lines) {
        return Err(SpritesError::Failed(error.to_owned()));
    }
    if lines.contains(&Line::Complete) {
        return Ok(());
    }
    Err(SpritesError::Answer("its stream ended before saying how it went".to_owned()))
}

pub(super) fn first_error(lines: &[Line]) -> Option<&str> {
    lines.iter().find_map(|line| match line {
        Line::Error(error) => Some(error.as_str()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use shared::{Secret, Upstream};

    use super::*;

    fn lines(text: &str) -> Result<Vec<Line>, SpritesError> {
        let origin = Upstream::parse("https://api.sprites.test").unwrap();
        let http = Http::with_bearer(&origin, &Secret::new("t".to_owned())).unwrap();
        parse(&http, text.as_bytes())
    }

    #[test]
    fn a_stream_must_say_how_it_ended() {
        let check = |text: &str, expected: &str| {
            let result = lines(text).and_then(|lines| require_complete(&lines));
            let seen = result.err().map(|error| error.to_string()).unwrap_or_default();
            assert_eq!(seen, expected, "{text}");
        };
        let cut = "the provider's answer cannot be read: \
                   its stream ended before saying how it went";
        check("{\"type\":\"info\",\"data\":\"x\"}\n{\"type\":\"complete\",\"data\":\"y\"}\n", "");
        check("\n{\"type\":\"complete\"}", "");
        check("", cut);
        check("{\"type\":\"info\",\"data\":\"x\"}\n", cut);
        check("{\"type\":\"error\",\"error\":\"no disk\"}\n", "the provider failed: no disk");
        check(
            "{\"type\":\"error\",\"error\":\"no disk\"}\n{\"type\":\"complete\"}\n",
            "the provider failed: no disk",
        );
        check("{\"error\":\"no disk\"}", "the provider failed: no disk");
    }

    #[test]
    fn every_kind_of_line_is_read() {
        let read = lines(concat!(
            "{\"type\":\"started\",\"timestamp\":1}\n",
            "{\"type\":\"stdout\",\"data\":\"complete\"}\r\n",
            "{\"type\":\"exit\",\"exit_code\":7}\n",
            "{\"message\":\"Service already running\"}\n",
            "{\"type\":\"complete\",\"log_files\":{}}\n",
        ));
        let already = Line::Note("Service already running".to_owned());
        let expected = [Line::Other, Line::Other, Line::Exit { code: 7 }, already, Line::Complete];
        assert_eq!(read.unwrap(), expected);
        assert!(lines("{\"type\":\"complete\"}\n{\"typ").is_err(), "a torn line");
    }
}
