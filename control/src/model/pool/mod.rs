//! Machines that stand ready: their states, how many there are, and how many there
//! should be.

mod counts;
pub mod labels;
mod pause;
pub mod plan;
mod quarantine;
mod recycling;
mod services;
mod sprite;

pub use counts::Counts;
pub use labels::Labels;
pub use pause::{Pause, Standing};
pub use plan::{Situation, Target};
pub use quarantine::{QUARANTINED_MAX, SETBACKS_MAX, to_destroy};
pub use recycling::RecycleStrategy;
pub use services::{Services, ServicesFault};
pub use sprite::{Assigned, Claim, PoolSprite, SpriteState, sprite_id};
