//! How long is measured, and with how much.

use std::time::Duration;

#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Rounds in which every peer has its turn.
    pub rounds: usize,
    /// Of one peer's turn.
    pub turn: Duration,
    /// Connections that are held idle to see what one costs in memory.
    pub idle_connections: usize,
    /// Routes in the large table.
    pub many_routes: u64,
    /// Changes sent to each edge in one round.
    pub changes: usize,
    /// Starts from disk, of which the median counts.
    pub starts: usize,
    /// WebSockets of a workspace that is cut once, or as many as there are descriptors for: each
    /// needs two of the edge's and two of this process'.
    pub sockets_cut: usize,
    /// Times a workspace is cut.
    pub cuts: usize,
    /// Random names looked up.
    pub lookups: usize,
}

/// What DESIGN's bars are held against: about ten minutes.
pub const FULL: Effort = Effort {
    rounds: 7,
    turn: Duration::from_secs(3),
    idle_connections: 5_000,
    many_routes: 1_000_000,
    changes: 300,
    starts: 3,
    sockets_cut: 10_000,
    cuts: 5,
    lookups: 5_000_000,
};

/// To see that everything works: well under two minutes.
pub const QUICK: Effort = Effort {
    rounds: 3,
    turn: Duration::from_secs(1),
    idle_connections: 1_000,
    many_routes: 100_000,
    changes: 50,
    starts: 1,
    sockets_cut: 2_000,
    cuts: 2,
    lookups: 1_000_000,
};
