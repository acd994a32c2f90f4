//! A sprite as the provider describes it. Read leniently: rows of a list are shorter.

use serde::{Deserialize, Serialize};
use shared::Upstream;

use crate::open_enum::open_enum;
use crate::sprites::SpriteName;

#[derive(Debug, Clone, Deserialize)]
pub struct Sprite {
    /// The provider's word, in a list also names that are not ours.
    pub name: String,
    /// `sprite-<uuid>`: another one when a name is used again.
    #[serde(default)]
    pub id: Option<String>,
    #[serde(default)]
    pub status: Option<SpriteStatus>,
    /// Where the VM is reached. Never made up from the name.
    #[serde(default)]
    pub url: Option<String>,
    #[serde(default)]
    pub url_settings: Option<UrlSettings>,
    #[serde(default)]
    labels: Option<Vec<String>>,
}

open_enum! {
    SpriteStatus {
        /// Its disk only; the next call boots it.
        Cold = "cold",
        /// Frozen in memory; the next call thaws it.
        Warm = "warm",
        Running = "running",
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct UrlSettings {
    pub auth: UrlAuth,
}

open_enum! {
    /// Who may call a sprite's URL.
    UrlAuth {
        /// Members of the organisation.
        Sprite = "sprite",
        /// Everybody: whoever listens there does the asking.
        Public = "public",
    }
}

impl Serialize for UrlAuth {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// What to make.
#[derive(Debug, Clone)]
pub struct NewSprite {
    pub name: SpriteName,
    /// By these it is known again as ours: at least one that nobody else uses.
    pub labels: Vec<String>,
    pub auth: UrlAuth,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the provider gave no usable address")]
pub struct NoAddress;

impl Sprite {
    pub fn labels(&self) -> &[String] {
        self.labels.as_deref().unwrap_or_default()
    }

    pub fn has_labels(&self, labels: &[String]) -> bool {
        labels.iter().all(|label| self.labels().contains(label))
    }

    pub fn auth(&self) -> Option<&UrlAuth> {
        self.url_settings.as_ref().map(|settings| &settings.auth)
    }

    /// # Errors
    /// There is none, or one that no host name can be: a label over 63 characters never resolves.
    pub fn address(&self) -> Result<Upstream, NoAddress> {
        self.url.as_deref().and_then(|url| Upstream::parse(url).ok()).ok_or(NoAddress)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(value: Value) -> Sprite {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_whole_description_and_a_short_row_are_both_read() {
        let sprite = read(json!({
            "id": "sprite-1", "name": "arca-1", "organization": "org", "status": "cold",
            "url": "https://arca-1-bhmkr.sprites.app", "labels": ["pool", "arca"],
            "url_settings": { "auth": "public", "private_access": "admins" },
            "config": { "ram_mb": 8 }, "last_running_at": null,
        }));
        assert_eq!(sprite.status, Some(SpriteStatus::Cold));
        assert_eq!(sprite.auth(), Some(&UrlAuth::Public));
        assert_eq!(sprite.address().unwrap().as_str(), "https://arca-1-bhmkr.sprites.app");
        assert!(sprite.has_labels(&["arca".to_owned()]));
        assert!(!sprite.has_labels(&["arca".to_owned(), "other".to_owned()]));

        let row = read(json!({ "name": "x", "org_slug": "org", "labels": null }));
        assert!(row.status.is_none() && row.labels().is_empty() && row.address().is_err());
    }

    #[test]
    fn an_address_that_never_resolves_is_none() {
        let check = |url: &str| {
            let sprite = read(json!({ "name": "x", "url": url }));
            assert_eq!(sprite.address(), Err(NoAddress), "{url}");
        };
        check(&format!("https://{}-bhmkr.sprites.app", "a".repeat(63)));
        check("");
        check("https://a.sprites.app/path");
    }
}
