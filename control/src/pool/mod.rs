//! Sprites that stand ready, so that nobody waits for one to be made.
//!
//! `plan` and `census` decide (pure); `keeper` looks, and carries out; `prepare` is
//! the task that makes one.

pub mod alarm;
pub mod census;
mod count;
mod destroy;
pub mod keeper;
pub mod labels;
pub mod plan;
mod prepare;
mod sprite;
mod standing;

pub use census::Orphan;
pub use count::Counts;
pub use destroy::destroy;
pub use keeper::{Desk, Keeper, Survey};
pub use labels::Marks;
pub use plan::{Situation, Target};
pub use prepare::Prepare;
pub use sprite::{Assigned, Claim, PoolSprite, SpriteState, sprite_id};
pub use standing::{Pause, Standing};
