//! What we ask of others: Stripe, Resend, Linear, the Sprites provider, certificate authorities
//! and Cloudflare's DNS.
//!
//! Each client is a struct over one origin, so that a small server can stand
//! in for the vendor. Every call has a time limit and every answer a size
//! limit; nothing follows a redirect. An error says what came back and, by
//! its `again`, whether the same call can succeed later. The decision to
//! call again belongs to the caller's task, except for Stripe, whose own
//! libraries repeat a call twice before they report.

pub mod acme;
pub mod again;
pub mod cloudflare;
pub mod http;
pub mod idempotency;
pub mod linear;
pub mod resend;
pub mod sprites;
pub mod stripe;

mod open_enum;

pub use again::Again;
pub use http::{BuildError, Lost, http_client};
pub use idempotency::IdempotencyKey;
