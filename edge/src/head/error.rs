//! What makes a request meaningless, or mean two things.

use crate::limits::{MAX_HEAD_BYTES, MAX_HEADERS};

/// Why a request is refused before it is decided what it wants.
///
/// Nothing of such a request reaches a sprite (of one with a bad [`Chunk`],
/// nothing that is whole) and the connection ends, because where the next
/// request would begin cannot be known.
///
/// [`Chunk`]: Self::Chunk
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    #[error("the request line is malformed")]
    RequestLine,
    #[error("a header is malformed")]
    Header,
    #[error("a line does not end in CR LF")]
    LineEnding,
    #[error("only HTTP/1.0 and HTTP/1.1 are spoken here")]
    Version,
    #[error("these bytes begin no HTTP/1.1 request")]
    Protocol,
    #[error("CONNECT, TRACE and TRACK are not available here")]
    Method,
    #[error("exactly one Host is needed")]
    Host,
    #[error("the request target and Host disagree")]
    Target,
    #[error("the length of the body is ambiguous")]
    Framing,
    #[error("the transfer coding is not supported")]
    TransferCoding,
    #[error("a chunk of the body is malformed")]
    Chunk,
    #[error("Connection names a header that it must not remove")]
    Connection,
    #[error("bytes follow an upgrade request")]
    EarlyBytes,
    #[error("the WebSocket handshake is malformed")]
    Handshake,
    #[error("only version 13 of the WebSocket protocol is spoken here")]
    HandshakeVersion,
    #[error("only 100-continue can be expected")]
    Expectation,
    #[error("the head has more than {MAX_HEAD_BYTES} bytes or {MAX_HEADERS} headers")]
    TooLarge,
    #[error("the request line has more bytes than a head of {MAX_HEAD_BYTES} has room for")]
    LongTarget,
    #[error("the head did not arrive in time")]
    Timeout,
}

impl HeadError {
    pub const ALL: [Self; 19] = [
        Self::RequestLine,
        Self::Header,
        Self::LineEnding,
        Self::Version,
        Self::Protocol,
        Self::Method,
        Self::Host,
        Self::Target,
        Self::Framing,
        Self::TransferCoding,
        Self::Chunk,
        Self::Connection,
        Self::EarlyBytes,
        Self::Handshake,
        Self::HandshakeVersion,
        Self::Expectation,
        Self::TooLarge,
        Self::LongTarget,
        Self::Timeout,
    ];

    pub const fn status(self) -> u16 {
        match self {
            Self::Method => 405,
            Self::Expectation => 417,
            Self::HandshakeVersion => 426,
            Self::LongTarget => 414,
            Self::TooLarge => 431,
            Self::Timeout => 408,
            Self::TransferCoding => 501,
            Self::Version => 505,
            _ => 400,
        }
    }

    /// The label under which it is counted.
    pub const fn label(self) -> &'static str {
        match self {
            Self::RequestLine => "request_line",
            Self::Header => "header",
            Self::LineEnding => "line_ending",
            Self::Version => "version",
            Self::Protocol => "protocol",
            Self::Method => "method",
            Self::Host => "host",
            Self::Target => "target",
            Self::Framing => "framing",
            Self::TransferCoding => "transfer_coding",
            Self::Chunk => "chunk",
            Self::Connection => "connection",
            Self::EarlyBytes => "early_bytes",
            Self::Handshake => "handshake",
            Self::HandshakeVersion => "handshake_version",
            Self::Expectation => "expectation",
            Self::TooLarge => "too_large",
            Self::LongTarget => "long_target",
            Self::Timeout => "timeout",
        }
    }
}
