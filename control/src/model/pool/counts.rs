//! How many sprites there are in each state.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::SpriteState;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Counts {
    pub preparing: u64,
    pub available: u64,
    pub assigned: u64,
    pub recycling: u64,
    #[serde(default)]
    pub unreachable: u64,
    #[serde(default)]
    pub quarantined: u64,
    pub failed: u64,
}

impl Counts {
    pub fn of(&self, state: SpriteState) -> u64 {
        match state {
            SpriteState::Preparing => self.preparing,
            SpriteState::Available => self.available,
            SpriteState::Assigned => self.assigned,
            SpriteState::Recycling => self.recycling,
            SpriteState::Unreachable => self.unreachable,
            SpriteState::Quarantined => self.quarantined,
            SpriteState::Failed => self.failed,
        }
    }

    pub fn set(&mut self, state: SpriteState, count: u64) {
        *match state {
            SpriteState::Preparing => &mut self.preparing,
            SpriteState::Available => &mut self.available,
            SpriteState::Assigned => &mut self.assigned,
            SpriteState::Recycling => &mut self.recycling,
            SpriteState::Unreachable => &mut self.unreachable,
            SpriteState::Quarantined => &mut self.quarantined,
            SpriteState::Failed => &mut self.failed,
        } = count;
    }
}
