//! HTTP/2, as far as its frames go: each stream becomes a connection of HTTP/1.1 that
//! carries one request.
//!
//! So there is one reader of heads, one place that decides, one forwarder and one tunnel,
//! whichever way a request has come. What HTTP/2 knows and HTTP/1.1 does not ends here.

mod batch;
mod bounds;
mod request_head;
mod response_head;
mod stream;

pub(crate) use batch::{Batch, BatchedIo, batched};
pub(crate) use bounds::handshake;
pub(crate) use request_head::{Body, write as write_request_head};
pub(crate) use stream::{Http2Stream, PrematureResets};

/// As ALPN names it (RFC 9113, 3.2).
pub(crate) const PROTOCOL: &[u8] = b"h2";
