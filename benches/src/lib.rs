//! The pieces of the side-by-side run; `bin/proxy_latency.rs` puts them together.
//!
//! The load comes from a small generator of our own, one thread of tokio: every
//! latency is kept, so p50 and p99 are exact; HTTP and WebSocket are driven by
//! the same loop; CPU time is read at the very edges of the measured requests.
//! wrk and h2load look at the same peers beside it, so that it cannot flatter us.

pub mod accounting;
pub mod admin;
pub mod agent;
pub mod chart;
pub mod child;
pub mod cores;
pub mod crowd;
pub mod echo;
pub mod effort;
pub mod events;
pub mod flood;
pub mod frame;
pub mod gateway;
pub mod http;
pub mod http2;
pub mod latency;
pub mod load;
pub mod machine;
pub mod page;
pub mod peers;
pub mod programs;
pub mod quantity;
pub mod report;
pub mod runs;
pub mod sign_up;
pub mod slow;
pub mod stage;
pub mod tenants;
pub mod tls;
pub mod websocket;
