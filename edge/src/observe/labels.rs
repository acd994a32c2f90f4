//! The values of labels that are counted by: who, how, why.

/// Who answered, or whose doing the end was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Client,
    Edge,
    Sprite,
    Site,
}

impl Source {
    pub(super) const ALL: [Self; 4] = [Self::Client, Self::Edge, Self::Sprite, Self::Site];

    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Client => "visitor",
            Self::Edge => "edge",
            Self::Sprite => "sprite",
            Self::Site => "site",
        }
    }
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// 101: it became a WebSocket.
    Upgraded,
    Success,
    Redirect,
    Refused,
    Failed,
    /// Ended by us, because the route, the workspace or the session was taken away.
    Revoked,
    /// The client went away before the end.
    Aborted,
}

impl Outcome {
    pub(super) const ALL: [Self; 7] = [
        Self::Upgraded,
        Self::Success,
        Self::Redirect,
        Self::Refused,
        Self::Failed,
        Self::Revoked,
        Self::Aborted,
    ];

    pub(crate) const fn of_status(status: u16) -> Self {
        match status {
            0 => Self::Aborted,
            101 => Self::Upgraded,
            100..=299 => Self::Success,
            300..=399 => Self::Redirect,
            400..=499 => Self::Refused,
            _ => Self::Failed,
        }
    }

    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Upgraded => "upgraded",
            Self::Success => "2xx",
            Self::Redirect => "3xx",
            Self::Refused => "4xx",
            Self::Failed => "5xx",
            Self::Revoked => "cut",
            Self::Aborted => "aborted",
        }
    }
}

/// A limit that can refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    Connections,
    ConnectionsPerAddress,
    RequestsPerAddress,
    RequestsPerWorkspace,
    RequestsInFlight,
    Http2Streams,
    Sockets,
    Held,
    Body,
    Telegram,
    Floods,
}

impl Limit {
    pub(super) const ALL: [Self; 11] = [
        Self::Connections,
        Self::ConnectionsPerAddress,
        Self::RequestsPerAddress,
        Self::RequestsPerWorkspace,
        Self::RequestsInFlight,
        Self::Http2Streams,
        Self::Sockets,
        Self::Held,
        Self::Body,
        Self::Telegram,
        Self::Floods,
    ];

    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::ConnectionsPerAddress => "connections_per_address",
            Self::RequestsPerAddress => "requests_per_second_per_address",
            Self::RequestsPerWorkspace => "requests_per_second_per_workspace",
            Self::RequestsInFlight => "requests_in_flight_per_workspace",
            Self::Http2Streams => "http2_streams",
            Self::Sockets => "sockets_per_workspace",
            Self::Held => "held",
            Self::Body => "body_max_bytes",
            Self::Telegram => "telegram",
            Self::Floods => "floods",
        }
    }
}

/// Why a connection of HTTP/2 ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Http2End {
    /// By the client, with all it had asked for.
    Closed,
    /// Nothing was asked for too long.
    Idle,
    Drain,
    /// The client did more than it may of what costs us more than it.
    Flood,
    /// The client does not keep to the protocol.
    Protocol,
    /// Without a word.
    Lost,
}

impl Http2End {
    pub(super) const ALL: [Self; 6] =
        [Self::Closed, Self::Idle, Self::Drain, Self::Flood, Self::Protocol, Self::Lost];

    pub(crate) fn of(error: &h2::Error) -> Self {
        match error.reason() {
            _ if error.is_io() => Self::Lost,
            _ if error.is_remote() => Self::Closed,
            Some(h2::Reason::NO_ERROR) => Self::Closed,
            Some(h2::Reason::ENHANCE_YOUR_CALM) => Self::Flood,
            _ => Self::Protocol,
        }
    }

    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Idle => "idle",
            Self::Drain => "drain",
            Self::Flood => "flood",
            Self::Protocol => "protocol",
            Self::Lost => "lost",
        }
    }
}
