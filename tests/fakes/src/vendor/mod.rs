//! What the stand-ins for outside vendors have in common.
//!
//! `door` is the layer every call goes through: it notes the call in the
//! `journal` and lets the `rules` decide whether a [`fault::Fault`] strikes
//! it. `server` listens, over `line`s that can be cut. `idempotency` is the
//! store behind an `Idempotency-Key` header; `page` frames what a person
//! looks at, `calendar` counts months.
//!
//! What a test may say to any of the fakes:
//!
//! - `POST /_fake/faults` `{"match": {"method", "path", "body"}, "times": 1,
//!   "skip": 0, "fault": "after-commit:500", "headers": {}}` arms one rule,
//! - `GET` and `DELETE /_fake/faults` list and clear, `DELETE
//!   /_fake/faults/{id}` disarms one,
//! - `GET` and `DELETE /_fake/requests` list and forget what arrived.

pub mod calendar;
pub mod door;
pub mod fault;
pub mod idempotency;
pub mod journal;
pub mod line;
pub mod names;
pub mod page;
pub mod rules;
pub mod server;

use std::sync::{Mutex, MutexGuard};

/// Locks `mutex`, also after a panic of another holder: a fake whose one
/// handler failed goes on answering, and the failed call shows in the test.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
