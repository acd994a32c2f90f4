//! A sprite of ours, as it is stored.

use serde::{Deserialize, Serialize};
use shared::{SpriteId, Upstream, Username};
use utoipa::ToSchema;

use crate::base::clock::Moment;
use crate::base::text_enum::text_enum;
use crate::model::task::TaskId;
use vendors::sprites::{CheckpointId, SpriteName};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolSprite {
    pub name: SpriteName,
    pub state: SpriteState,
    /// Where it is reached; unknown before it was made.
    pub upstream: Option<Upstream>,
    /// What was installed in it, as a hash.
    pub base: String,
    /// Its disk before any secret was on it.
    pub checkpoint: Option<CheckpointId>,
    pub username: Option<Username>,
    /// How often it was handed out.
    pub assignment: u64,
    /// Prepares it; then, the one of whose it is.
    pub task: Option<TaskId>,
    /// When it was last seen to do what a workspace needs of it.
    pub proved: Option<Moment>,
    /// Why it is of no use, where it is not.
    pub last_error: Option<String>,
    /// How often it left a call unanswered while it stood ready, since it was as new.
    pub setbacks: u64,
    pub created: Moment,
    pub changed: Moment,
}

impl PoolSprite {
    /// As the workspace's that it belongs to, if it does.
    pub fn assigned(self) -> Option<Assigned> {
        if self.state != SpriteState::Assigned {
            return None;
        }
        let upstream = self.upstream?;
        Some(Assigned { name: self.name, upstream, assignment: self.assignment })
    }
}

text_enum! {
    #[derive(Hash, Serialize, Deserialize, ToSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum SpriteState or "not a state of a sprite" {
        Preparing = "preparing",
        /// Prepared, and nobody's.
        Available = "available",
        /// A workspace's.
        Assigned = "assigned",
        /// Its workspace has ended; it is being destroyed.
        Recycling = "recycling",
        /// It left a call unanswered, and is examined while nobody waits for it. One that
        /// names a task of a workspace has that customer's secrets on it.
        Unreachable = "unreachable",
        /// Kept from everybody for a person to look at: it could not be proved that it is clean, or
        /// it behaved against expectation again and again. Nothing wakes it, and it is destroyed by
        /// an operator's word or when its time is over.
        Quarantined = "quarantined",
        /// Of no use; the keeper destroys it.
        Failed = "failed",
    }
}

/// A sprite in the hands of a workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assigned {
    pub name: SpriteName,
    pub upstream: Upstream,
    pub assignment: u64,
}

/// What came of asking for a sprite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    Taken(Assigned),
    /// None is available, or those that are belong to who asked before.
    Empty,
    /// The workspace has ended meanwhile: nobody needs one.
    Unwanted,
}

impl Assigned {
    /// As routes and keys know it.
    pub fn id(&self) -> SpriteId {
        sprite_id(&self.name)
    }
}

/// # Panics
/// Never: the rule for names is the stricter one.
pub fn sprite_id(name: &SpriteName) -> SpriteId {
    SpriteId::parse(name.as_str()).expect("a name of ours is a sprite id")
}
