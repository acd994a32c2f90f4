//! Sprites that sleep, and what is done until they are awake.
//!
//! The provider lets a machine sleep after half a minute of silence. Woken by a
//! request it answers late, or its platform answers for it with 502 or 503, or
//! nobody does. Who asks meanwhile is held; whether it is awake is asked by one prober
//! for each sprite, however many wait. A sprite that does not wake in time is given
//! up: whoever asks then is told so at once, and only the prober goes on asking.

mod prober;
mod sprite;
mod sprites;

pub(crate) use sprite::{Sprite, is_platforms};
pub(crate) use sprites::{Held, Waking};
