//! What can happen to the gateway, and what can be done about it: what the state
//! machine is told, and what it wants done.

/// What the machine is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    StartRequested,
    StopRequested,
    /// The answer to [`Action::Inspect`].
    Inspected(Option<Obstacle>),
    /// The child that was started last, gateway or doctor, is gone. `obstacle` is what the
    /// machine lacks at this moment, or what the child complained of with its last lines.
    /// `is_untried`: another configuration is in place than one ran well with last, to which it
    /// can go back.
    Exited {
        exit: Exit,
        obstacle: Option<Obstacle>,
        is_untried: bool,
    },
    Probed(Probe),
    DeadlinePassed,
    /// The gateway and its helpers use more memory than their ceiling.
    MemoryExceeded(Excess),
    /// It has more processes than it may have.
    ProcessesExceeded,
    /// The answer to [`Action::Restore`]: whether another configuration is in place now.
    Restored(bool),
    /// The answer to [`Action::PinVersion`]: whether the pinned version can be started.
    Pinned(bool),
    /// `openclaw.json` changed, or the operator sent SIGHUP.
    Nudged,
}

/// What keeps any gateway from running, and no repair of its configuration helps against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    Disk,
    Port,
    Memory,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Excess {
    /// It is asked to end, and may finish what runs.
    Ceiling,
    /// It grows on while it finishes: the machine is in danger.
    FarAbove,
}

/// What one look at the gateway found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// Our child listens, says that it is ready, and has welcomed the agent's own connection.
    Ready,
    /// It answers, but is starting or draining.
    NotReady,
    /// No answer in time.
    Silent,
    /// It does not accept the agent's `connect`.
    Refused,
    /// A process that is not our child's listens on the gateway's port.
    Foreign,
}

/// The gateway's exit code for a configuration it will not run with (`EX_CONFIG` of sysexits.h).
pub const EXIT_CONFIGURATION: i32 = 78;

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Code(i32),
    Signal(i32),
    NeverStarted,
}

/// What the machine wants done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Look at disk, port and memory.
    Inspect,
    StartGateway,
    StartDoctor,
    Terminate,
    Kill,
    /// Keep a copy of the configuration, which has proven itself.
    KeepConfiguration,
    /// Put the last good configuration in place.
    Restore,
    /// From the next start on run the pinned version, with its own last good configuration.
    PinVersion,
}

impl Action {
    /// Does it change what the customer's gateway runs with?
    pub fn is_repair(self) -> bool {
        matches!(self, Self::StartDoctor | Self::Restore | Self::PinVersion)
    }
}
