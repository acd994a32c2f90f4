//! What the vendors' clients put on the wire, and what they make of the answers.

mod cloudflare;
mod exec;
mod linear;
mod resend;
mod sink;
mod sprites;
mod sprites_steps;
mod stripe;
mod stripe_wire;
