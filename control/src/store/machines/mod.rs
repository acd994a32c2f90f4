//! The provider's VMs that are ours: prepared, handed out, taken down.

mod awake_times;
mod fleet;
mod healing;
mod journal;
pub mod pool;
mod proofs;
pub mod quarantine;
mod schedules;
mod services;
mod sprite_claims;
mod sprites;
pub mod upkeep;

pub use pool::Settled;
pub use proofs::Examined;
pub use sprite_claims::SetAside;
pub use sprites::Prepared;
pub use upkeep::Given;
