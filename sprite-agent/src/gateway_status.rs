//! What is known of the gateway right now. One task writes it, everybody reads it.

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayStatus {
    pub phase: Phase,
    /// What goes on, for the operator.
    pub detail: String,
    pub pid: Option<u32>,
    /// How often it was started again.
    pub restarts: u64,
    /// How it ended the last time.
    pub last_exit: Option<String>,
    /// Unix seconds, while it is ready.
    pub ready_since: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Has not been ready yet.
    Starting,
    Ready,
    /// Was ready and is to be so again.
    Restarting,
    /// Nothing more is tried.
    Failed,
}

impl GatewayStatus {
    pub fn new(phase: Phase, detail: &str) -> Self {
        Self {
            phase,
            detail: detail.to_owned(),
            pid: None,
            restarts: 0,
            last_exit: None,
            ready_since: None,
        }
    }
}
