//! What a kind of task has to say of itself.

use std::time::Duration;

/// What is the same for every task of one kind.
#[derive(Debug)]
pub struct Spec {
    /// In the order in which they are done. Known before the first of them begins, so
    /// that a customer who waits can be shown what is still to come.
    pub steps: &'static [StepName],
    /// After so many attempts that failed a task is dead.
    pub max_attempts: u32,
    /// How long the first failure is waited out; each further one twice as long.
    pub first_delay: Duration,
    /// Tasks of this kind that one process works at, at once.
    pub max_concurrency: usize,
    /// An attempt that takes longer has failed: it waits for something that does not
    /// come, and keeps a slot from other tasks.
    pub timeout: Duration,
    /// Whether a promise of its own (`model/promise`) tells of those that are stuck or given up;
    /// else the one of all tasks does.
    pub has_own_promise: bool,
    /// What comes of calling one off, for the operator who is about to.
    pub called_off: &'static str,
}

/// The name of a step, which only the kind that it belongs to can make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepName(&'static str);

impl StepName {
    pub(super) const fn new(name: &'static str) -> Self {
        Self(name)
    }

    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

/// The steps of what a payload asks for, each named once, in their order.
macro_rules! steps {
    ($payload:ident: $($step:ident = $name:literal,)+) => {
        impl $payload {
            $(pub const $step: super::spec::StepName = super::spec::StepName::new($name);)+
            const STEPS: &'static [super::spec::StepName] = &[$(Self::$step),+];
        }
    };
}
pub(super) use steps;

pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const MINUTE: Duration = Duration::from_secs(60);
