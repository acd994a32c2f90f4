//! The bounds that an operator sets: the table `[limits]` of the configuration.

use std::time::Duration;

use shared::process::Section;

#[derive(Debug, Clone, Copy)]
pub struct LimitsConfig {
    pub deadlines: Deadlines,
    pub connections: u64,
    pub connections_per_address: u64,
    /// Live WebSockets of one workspace.
    pub sockets_per_workspace: u64,
    /// Requests of one workspace that are under way, streams included.
    pub(crate) requests_in_flight_per_workspace: u64,
    /// Requests at one time over one connection of HTTP/2.
    pub(crate) http2_streams: u32,
    pub requests_per_second_per_address: u64,
    pub requests_per_second_per_workspace: u64,
    pub body_max_bytes: u64,
    /// A WebSocket over which nothing goes for so long, either way, is closed.
    pub socket_idle: Duration,
    /// After so long without a word of its client a WebSocket has a ping sent to it; zero for none.
    pub(crate) socket_ping: Duration,
    /// A client that sends nothing of a body for so long is answered without it.
    pub(crate) body_pause: Duration,
    /// A client that takes nothing of an answer for so long loses its connection.
    pub write_timeout: Duration,
}

/// How long a client may take.
#[derive(Debug, Clone, Copy)]
pub struct Deadlines {
    /// For a whole head, from its first byte (of the first one: from the connection).
    pub head: Duration,
    /// Between two requests on one connection.
    pub idle: Duration,
}

impl LimitsConfig {
    pub(crate) fn from_section(section: &mut Section<'_>) -> Self {
        Self {
            deadlines: Deadlines {
                head: section.seconds("head_seconds", 1..=120, 10),
                idle: section.seconds("idle_seconds", 1..=3_600, 75),
            },
            connections: section.number("connections", 1..=10_000_000, 100_000),
            connections_per_address: section.number(
                "connections_per_address",
                1..=10_000_000,
                1_024,
            ),
            sockets_per_workspace: section.number("sockets_per_workspace", 1..=1_000_000, 2_048),
            requests_in_flight_per_workspace: section.number(
                "requests_in_flight_per_workspace",
                1..=1_000_000,
                256,
            ),
            http2_streams: u32::try_from(section.number("http2_streams", 1..=1_000, 100))
                .unwrap_or(100),
            requests_per_second_per_address: section.number(
                "requests_per_second_per_address",
                1..=10_000_000,
                500,
            ),
            requests_per_second_per_workspace: section.number(
                "requests_per_second_per_workspace",
                1..=10_000_000,
                1_000,
            ),
            body_max_bytes: section.number("body_max_bytes", 1..=(1 << 40), 64 << 20),
            socket_idle: section.seconds("socket_idle_seconds", 60..=604_800, 3_600),
            socket_ping: section.seconds("socket_ping_seconds", 0..=3_600, 30),
            body_pause: section.seconds("body_seconds", 1..=3_600, 60),
            write_timeout: section.seconds("write_timeout_seconds", 1..=3_600, 60),
        }
    }
}
