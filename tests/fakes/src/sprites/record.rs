//! What the provider knows of a sprite, and how the API shows it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::life::Status;

/// What the live service said it ran when these facts were gathered.
pub const VERSION: &str = "0.0.1-rc48";

/// Kept on disk beside the sprite.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Record {
    pub id: String,
    pub name: String,
    pub url: String,
    pub url_settings: UrlSettings,
    pub labels: Vec<String>,
    pub environment: BTreeMap<String, String>,
    pub config: Value,
    pub created_at: String,
    pub updated_at: String,
    pub last_running_at: Option<String>,
    pub last_warming_at: Option<String>,
    pub policies: BTreeMap<String, Value>,
    /// Oldest first.
    pub checkpoints: Vec<Checkpoint>,
    /// How many there ever were: ids are not used twice.
    pub checkpoints_made: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UrlSettings {
    #[serde(default)]
    pub auth: Auth,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_access: Option<PrivateAccess>,
}

/// Who may use the URL.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Auth {
    /// The organisation's own token.
    #[default]
    Sprite,
    Public,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrivateAccess {
    Admins,
    OrgUsers,
}

impl Default for UrlSettings {
    fn default() -> Self {
        Self { auth: Auth::Sprite, private_access: Some(PrivateAccess::Admins) }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    pub id: String,
    pub create_time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// What was last restored before it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_id: Option<String>,
    pub is_auto: bool,
    pub health: String,
}

impl Record {
    pub fn show(&self, organization: &str, status: Status) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "organization": organization,
            "url": self.url,
            "url_settings": self.url_settings,
            "status": status,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
            "labels": self.labels,
            "version": VERSION,
            "environment_version": VERSION,
            "primary_region": "sim",
            "bucket_name": format!("sprites-{}", self.id),
            "last_running_at": self.last_running_at,
            "last_warming_at": self.last_warming_at,
            "config": self.config,
            "environment": self.environment,
        })
    }
}
