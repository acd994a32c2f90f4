//! What is known of the gateway right now. One task writes it, every other
//! part reads it: health, metrics, the chat page and control say the same.

/// A change of any of it is news to the pages that wait for the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayStatus {
    pub phase: Phase,
    pub reason: Reason,
    /// What goes on, for the operator: what is wrong, and what is done about it.
    pub detail: String,
    pub pid: Option<u32>,
    /// OpenClaw's version, by its own word.
    pub version: Option<String>,
    /// How often it was started again.
    pub restarts: u64,
    /// How the gateway ended the last time.
    pub last_exit: Option<String>,
    /// Unix seconds, while it is ready.
    pub ready_since: Option<u64>,
    /// The last repair that has proven itself.
    pub mended: Option<Mended>,
    /// Why the assistant cannot plan anything, where its gateway is seen to be like that.
    pub cannot_plan: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Has not been ready yet.
    Starting,
    Ready,
    /// Was ready and is to be so again.
    Restarting,
    /// What can be repaired here was; tried again every 10 to 15 minutes.
    Failed,
}

/// Why the gateway is in its phase. A closed list: metrics, the page and control know each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    Ready,
    Starting,
    Restarting,
    /// It finishes what runs before it restarts.
    Draining,
    DiskFull,
    PortTaken,
    MemoryShort,
    /// The gateway itself used more than its ceiling.
    MemoryExceeded,
    /// It started more processes than it may have.
    ProcessesExceeded,
    /// It does not start with its configuration.
    ConfigurationRefused,
    /// It runs, and does not accept the agent's connection.
    ConnectionRefused,
    NotAnswering,
    /// It ends soon after each start.
    Crashing,
}

impl Reason {
    pub const ALL: [Self; 13] = [
        Self::Ready,
        Self::Starting,
        Self::Restarting,
        Self::Draining,
        Self::DiskFull,
        Self::PortTaken,
        Self::MemoryShort,
        Self::MemoryExceeded,
        Self::ProcessesExceeded,
        Self::ConfigurationRefused,
        Self::ConnectionRefused,
        Self::NotAnswering,
        Self::Crashing,
    ];

    /// For programs: health, metrics, the page.
    pub fn label(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Starting => "starting",
            Self::Restarting => "restarting",
            Self::Draining => "draining",
            Self::DiskFull => "disk_full",
            Self::PortTaken => "port_taken",
            Self::MemoryShort => "memory_short",
            Self::MemoryExceeded => "memory_exceeded",
            Self::ProcessesExceeded => "processes_exceeded",
            Self::ConfigurationRefused => "configuration_refused",
            Self::ConnectionRefused => "connection_refused",
            Self::NotAnswering => "not_answering",
            Self::Crashing => "crashing",
        }
    }

    /// For the customer: what it means for them, and what comes next.
    pub fn for_customer(self) -> &'static str {
        match self {
            Self::Ready => "Your assistant is ready.",
            Self::Starting => "Your assistant is starting. This takes about a minute.",
            Self::Restarting => "Your assistant is restarting and will be back in a minute.",
            Self::Draining => "Your assistant finishes what it is doing, then restarts.",
            Self::DiskFull => {
                "The disk of your workspace is full. Your assistant goes on as soon as there is \
                 room again."
            }
            Self::PortTaken => {
                "Another program in your workspace is in your assistant's way. It starts as soon \
                 as that program has ended."
            }
            Self::MemoryShort => {
                "Your workspace is short of memory. Your assistant starts as soon as there is \
                 enough again."
            }
            Self::MemoryExceeded => {
                "Your assistant used too much memory and is restarting. Your conversations are kept."
            }
            Self::ProcessesExceeded => {
                "Your assistant started too many programs at once and is restarting. Your \
                 conversations are kept."
            }
            Self::ConfigurationRefused => {
                "Your assistant does not start with its present settings. We are repairing them."
            }
            Self::ConnectionRefused => {
                "Your assistant runs, but its settings keep this page out. We are repairing them."
            }
            Self::NotAnswering => "Your assistant does not answer and is being restarted.",
            Self::Crashing => "Your assistant stopped several times. We are repairing it.",
        }
    }
}

/// A repair that worked: the gateway has run well with it for a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mended {
    pub by: Repair,
    /// Unix seconds.
    pub at: u64,
}

/// What was done to a gateway that did not start, in the order in which it is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repair {
    /// OpenClaw's own doctor changed the configuration.
    Doctor,
    /// The last configuration that was good is in place again.
    LastGood,
    /// The pinned version runs, with the last configuration that was good for it.
    PinnedVersion,
}

impl Repair {
    pub fn label(self) -> &'static str {
        match self {
            Self::Doctor => "doctor",
            Self::LastGood => "last_good",
            Self::PinnedVersion => "pinned_version",
        }
    }

    /// For the customer, once.
    pub fn for_customer(self) -> &'static str {
        match self {
            Self::Doctor => {
                "Your assistant's settings had a mistake and were repaired. What was removed is kept."
            }
            Self::LastGood => {
                "Your assistant did not start with its last settings. The settings before them \
                 are in place again; the others are kept."
            }
            Self::PinnedVersion => {
                "Your assistant did not start in its newest version. The version before it runs now."
            }
        }
    }
}

impl GatewayStatus {
    /// Of a gateway that nothing is known about yet.
    pub fn unknown() -> Self {
        Self {
            phase: Phase::Starting,
            reason: Reason::Starting,
            detail: "not looked at yet".to_owned(),
            pid: None,
            version: None,
            restarts: 0,
            last_exit: None,
            ready_since: None,
            mended: None,
            cannot_plan: None,
        }
    }
}

impl Phase {
    pub const ALL: [Self; 4] = [Self::Starting, Self::Ready, Self::Restarting, Self::Failed];

    pub fn label(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Restarting => "restarting",
            Self::Failed => "failed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_reads_no_word_of_ours() {
        for reason in Reason::ALL {
            let sentence = reason.for_customer();
            assert!(sentence.ends_with('.'), "{sentence}");
            for word in ["gateway", "OpenClaw", "doctor", "agent ", "port", "SIGHUP"] {
                assert!(!sentence.contains(word), "{word}: {sentence}");
            }
        }
    }
}
