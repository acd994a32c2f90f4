//! Bounds, and the counters that are held against them.

pub mod counters;
