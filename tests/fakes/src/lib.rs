//! Stand-ins for the services Arcamatrix talks to.
//!
//! Each is a small server that answers on the wire as the real one does,
//! with nothing of ours inside: a fake that shared our types would share
//! our mistakes. These programs come out of this crate:
//!
//! - `fake-gateway`: the OpenClaw gateway, protocol v4 ([`gateway`]),
//! - `fake-model`: a language model for the real OpenClaw ([`model`]),
//! - `fake-stripe`, `fake-resend`, `fake-linear`: the vendors behind control
//!   ([`stripe`], [`resend`], [`linear`]); what tests may say to all of them
//!   stands in [`vendor`],
//! - [`telegram`] and [`cloudflare`], which tests start themselves,
//! - `fake-sprites`: the Sprites API, with real processes ([`sprites`]).
//!
//! The first two say what [`script`] says; send `help` to
//! either for the list.

pub mod clock;
pub mod cloudflare;
pub mod gateway;
pub mod http;
pub mod ids;
pub mod linear;
pub mod model;
pub mod prompt;
pub mod resend;
pub mod script;
pub mod sprites;
pub mod stripe;
pub mod telegram;
pub mod vendor;
