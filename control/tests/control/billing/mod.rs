//! From the form to a workspace and its end, over the wire: a stand-in for Stripe
//! that knows how things stand, and a browser.

mod checkout;
mod disorder;
mod erasure;
mod language;
mod list;
pub(crate) mod market;
mod money_back;
mod payer;
mod payment;
pub(crate) mod shop;
mod start;
mod stripe;
mod subscription;
mod unpaid;
mod webhook;
