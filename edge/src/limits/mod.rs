//! Every bound of the edge: what configuration sets, what is fixed, and the
//! counters that are held against them.

mod configured;
mod counters;
mod fixed;
mod in_flight;

pub use configured::Deadlines;
pub(crate) use configured::LimitsConfig;
pub(crate) use counters::{Limits, TooMany};
pub(crate) use fixed::*;
pub(crate) use in_flight::Turn;
