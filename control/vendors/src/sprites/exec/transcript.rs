//! What the frames of a session mean. Pure.
//!
//! The exit code comes twice: as text, which may overtake the last output, and
//! as a binary frame, which is the end. Either may be missing. A socket that
//! ends with neither is an error, never code 0.

use serde::Deserialize;

use crate::sprites::error::ExecError;

/// First byte of a binary frame from the server.
pub(super) const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const EXIT: u8 = 3;

/// First byte of one to the server.
pub(super) const STDIN: u8 = 0;
pub(super) const STDIN_END: u8 = 4;

/// How much of a complaint of the server's goes into our error.
const COMPLAINT_MAX_CHARS: usize = 200;

/// A command that came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// By signal n: 128 + n.
    pub code: u8,
    pub stdout: Output,
    pub stderr: Output,
    /// What the server itself had to say, such as that there is no such program.
    pub complaint: Option<String>,
}

/// The beginning of what was written to a stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Output {
    pub bytes: Vec<u8>,
    /// Written after that, and not kept.
    pub dropped_bytes: u64,
}

impl Finished {
    pub fn is_success(&self) -> bool {
        self.code == 0
    }
}

impl Output {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    fn add(&mut self, piece: &[u8], max_bytes: usize) {
        let kept = piece.len().min(max_bytes - self.bytes.len());
        self.bytes.extend_from_slice(&piece[..kept]);
        self.dropped_bytes += (piece.len() - kept) as u64;
    }
}

#[derive(Debug)]
pub(super) struct Transcript {
    stdout: Output,
    stderr: Output,
    output_max_bytes: usize,
    told_code: Option<u8>,
    complaint: Option<String>,
}

/// What a frame changes for whoever is listening.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// Go on.
    Something,
    /// The code is known, but the last output may still come.
    CodeTold,
    /// Nothing more will come.
    Ended(u8),
}

#[derive(Deserialize)]
struct Text {
    r#type: String,
    exit_code: Option<i64>,
    error: Option<String>,
    message: Option<String>,
}

impl Transcript {
    pub(super) fn new(output_max_bytes: usize) -> Self {
        Self {
            stdout: Output::default(),
            stderr: Output::default(),
            output_max_bytes,
            told_code: None,
            complaint: None,
        }
    }

    /// # Errors
    /// An exit without exactly one byte: its code cannot be known.
    pub(super) fn binary(&mut self, frame: &[u8]) -> Result<Heard, ExecError> {
        match frame {
            [STDOUT, piece @ ..] => self.stdout.add(piece, self.output_max_bytes),
            [STDERR, piece @ ..] => self.stderr.add(piece, self.output_max_bytes),
            [EXIT, code] => return Ok(Heard::Ended(*code)),
            [EXIT, payload @ ..] => {
                return Err(ExecError::BadFrame { stream: EXIT, bytes: payload.len() });
            }
            // Of a later version of the protocol.
            _ => {}
        }
        Ok(Heard::Something)
    }

    /// Texts that are not JSON or of an unknown type are passed over.
    pub(super) fn text(&mut self, frame: &str) -> Heard {
        let Ok(text) = serde_json::from_str::<Text>(frame) else { return Heard::Something };
        match text.r#type.as_str() {
            "exit" => {
                let code = text.exit_code.and_then(|code| u8::try_from(code).ok());
                self.told_code = code.or(self.told_code);
            }
            "error" => {
                let complaint = text.error.or(text.message).unwrap_or_default();
                self.complaint = Some(complaint.chars().take(COMPLAINT_MAX_CHARS).collect());
            }
            _ => {}
        }
        if self.told_code.is_some() { Heard::CodeTold } else { Heard::Something }
    }

    /// At the binary exit.
    pub(super) fn finish(self, code: u8) -> Finished {
        let Self { stdout, stderr, complaint, .. } = self;
        Finished { code, stdout, stderr, complaint }
    }

    /// At the end of the socket, or of our patience after the code was told.
    ///
    /// # Errors
    /// `Cut` when no code was told.
    pub(super) fn close(self, why: &str) -> Result<Finished, ExecError> {
        match (self.told_code, &self.complaint) {
            (Some(code), _) => Ok(self.finish(code)),
            (None, Some(complaint)) => Err(ExecError::Cut(format!("{why}: {complaint}"))),
            (None, None) => Err(ExecError::Cut(why.to_owned())),
        }
    }
}

#[cfg(test)]
#[path = "transcript_tests.rs"]
mod tests;
