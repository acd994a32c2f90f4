//! Checkpoints: a sprite's disk as it was.
//!
//! They are the sprite's own, and earlier ones stay readable inside it: a
//! checkpoint must be older than any secret, and restoring is not erasing.

use std::fmt;
use std::time::Duration;

use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use crate::sprites::call::{self, ORDINARY};
use crate::sprites::lines;
use crate::sprites::{SpriteName, Sprites, SpritesError};

/// Mostly below a second; another page of the documentation says 30 s.
const CREATION: Duration = Duration::from_secs(120);

/// Seen to take 19 s.
const RESTORATION: Duration = Duration::from_secs(120);

/// The row that stands for the disk as it is now, and cannot be restored.
const CURRENT: &str = "Current";

/// `v1`; another sprite's `v1` is another checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointId(String);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    pub id: CheckpointId,
    pub comment: Option<String>,
    /// The provider reports nothing wrong with it.
    pub is_healthy: bool,
}

impl CheckpointId {
    /// `None` unless `text` is one to 64 of `[A-Za-z0-9_-]`.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=64).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        fits.then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CheckpointId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[derive(Deserialize)]
struct Row {
    id: String,
    comment: Option<String>,
    health: Option<String>,
}

impl Sprites {
    /// Makes one, or finds the healthy one that an earlier call made under the same comment.
    ///
    /// `comment` is unique among the sprite's, such as `base-<hash>-<uuid>`.
    pub async fn ensure_checkpoint(
        &self,
        sprite: &SpriteName,
        comment: &str,
    ) -> Result<Checkpoint, SpritesError> {
        if let Some(checkpoint) = self.checkpoint_of(sprite, comment).await? {
            return Ok(checkpoint);
        }
        let request = self.of(Method::POST, sprite, "/checkpoint");
        let lines = self.lines(request.json(&json!({ "comment": comment })), CREATION).await?;
        lines::require_complete(&lines)?;
        let made = self.checkpoint_of(sprite, comment).await?;
        made.ok_or_else(|| SpritesError::Failed("the checkpoint it made is not listed".to_owned()))
    }

    pub async fn checkpoints(&self, sprite: &SpriteName) -> Result<Vec<Checkpoint>, SpritesError> {
        let request = self.of(Method::GET, sprite, "/checkpoints");
        let rows: Vec<Row> = self.json(request, ORDINARY).await?;
        Ok(rows.into_iter().filter_map(Row::checkpoint).collect())
    }

    /// With those that the provider made by itself.
    pub async fn every_checkpoint(
        &self,
        sprite: &SpriteName,
    ) -> Result<Vec<Checkpoint>, SpritesError> {
        let request = self.of(Method::GET, sprite, "/checkpoints?includeAuto=true");
        let rows: Vec<Row> = self.json(request, ORDINARY).await?;
        Ok(rows.into_iter().filter_map(Row::checkpoint).collect())
    }

    /// Called again, does nothing. The provider's clients know the call by its command line
    /// only: whoever relies on it looks afterwards.
    pub async fn delete_checkpoint(
        &self,
        sprite: &SpriteName,
        checkpoint: &CheckpointId,
    ) -> Result<(), SpritesError> {
        let path = format!("/checkpoints/{checkpoint}");
        let request = self.of(Method::DELETE, sprite, &path);
        call::found(self.done(request, ORDINARY).await).map(drop)
    }

    /// Puts the disk back and starts the sprite anew. Everything running in it ends.
    ///
    /// # Errors
    /// `Failed` also comes under status 200. After it the sprite may be beyond repair.
    pub async fn restore(
        &self,
        sprite: &SpriteName,
        checkpoint: &CheckpointId,
    ) -> Result<(), SpritesError> {
        let path = format!("/checkpoints/{checkpoint}/restore");
        let lines = self.lines(self.of(Method::POST, sprite, &path), RESTORATION).await?;
        lines::require_complete(&lines)
    }

    async fn checkpoint_of(
        &self,
        sprite: &SpriteName,
        comment: &str,
    ) -> Result<Option<Checkpoint>, SpritesError> {
        let mut rows = self.checkpoints(sprite).await?.into_iter();
        Ok(rows.find(|row| row.is_healthy && row.comment.as_deref() == Some(comment)))
    }
}

impl Row {
    fn checkpoint(self) -> Option<Checkpoint> {
        let id = CheckpointId::parse(&self.id).filter(|id| id.as_str() != CURRENT)?;
        let is_healthy = self.health.is_none_or(|health| health.is_empty());
        Some(Checkpoint { id, comment: self.comment, is_healthy })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rows_that_can_be_restored_are_checkpoints() {
        let check = |text: &str, expected: Option<bool>| {
            let row: Row = serde_json::from_str(text).unwrap();
            assert_eq!(row.checkpoint().map(|found| found.is_healthy), expected, "{text}");
        };
        check(r#"{"id":"Current"}"#, None);
        check(r#"{"id":"v1","create_time":"x","is_auto":false,"health":""}"#, Some(true));
        check(r#"{"id":"v2","comment":"base"}"#, Some(true));
        check(r#"{"id":"v3","health":"mount_failed"}"#, Some(false));
        check(r#"{"id":"../../x"}"#, None);
    }
}
