//! A listener of its own, at which machines join as edges.
//!
//! ```text
//! control edges token NAME ─▶ operator ─▶ edge join URL ─▶ token used, edge listed ─▶ key ring
//! ```
//!
//! TLS by a key that follows from the ring, one call, one answer, and nothing else: whoever
//! comes with a wrong token learns nothing, and who stands between learns neither.

mod call;
mod certificate;
mod listener;

pub use certificate::pin;
pub use listener::serve;
