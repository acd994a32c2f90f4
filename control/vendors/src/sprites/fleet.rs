//! Making, finding, listing and deleting sprites.

use std::time::Duration;

use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use crate::sprites::call::{self, ORDINARY};
use crate::sprites::{Existence, NewSprite, Sprite, SpriteName, Sprites, SpritesError, UrlAuth};

/// With `wait_for_capacity`; the vendor's own clients wait as long.
const CREATION: Duration = Duration::from_secs(120);

/// The provider's largest page.
const PAGE_ROWS: u32 = 50;

/// 50,000 sprites; a listing that goes on after that goes round in circles.
const PAGES_MAX: usize = 1_000;

/// Every sprite of a prefix, and how full the plan is.
#[derive(Debug, Default)]
pub struct Fleet {
    pub sprites: Vec<Sprite>,
    /// How many may run at once, as far as the provider says.
    pub running_limit: Option<u32>,
    /// How many of the whole organisation run now.
    pub running: Option<u32>,
}

#[derive(Deserialize)]
struct Page {
    sprites: Vec<Sprite>,
    #[serde(default)]
    has_more: bool,
    next_continuation_token: Option<String>,
    running_limit: Option<u32>,
    running: Option<u32>,
}

impl Sprites {
    /// Makes it, or takes what an earlier call made, and opens its URL as wanted.
    ///
    /// # Errors
    /// `Foreign` when the name belongs to a sprite without these labels.
    pub async fn ensure(&self, new: &NewSprite) -> Result<Sprite, SpritesError> {
        let sprite = match self.create(new).await {
            Ok(sprite) => sprite,
            Err(error) => self.taken_for(new, error).await?,
        };
        if sprite.auth() == Some(&new.auth) {
            return Ok(sprite);
        }
        // Some servers leave the setting out when they create.
        self.set_url_auth(&new.name, &new.auth).await
    }

    /// What stands under the name although creating it failed, if it is the one we meant.
    ///
    /// Asked after every failure: an earlier call whose answer was lost may have
    /// made it, and then even "too many" is no reason to give up.
    async fn taken_for(
        &self,
        new: &NewSprite,
        error: SpritesError,
    ) -> Result<Sprite, SpritesError> {
        match self.look(&new.name).await {
            Existence::Exists(sprite) if sprite.has_labels(&new.labels) => Ok(sprite),
            Existence::Exists(sprite) => Err(SpritesError::Foreign(sprite.name)),
            Existence::Gone | Existence::Unknown(_) => Err(error),
        }
    }

    /// Once, and as it is. After a call that was lost, [`Sprites::look`] first.
    pub async fn create(&self, new: &NewSprite) -> Result<Sprite, SpritesError> {
        let body = json!({
            "name": new.name.as_str(),
            "url_settings": { "auth": new.auth },
            "labels": new.labels,
            "wait_for_capacity": true,
        });
        self.json(self.http.request(Method::POST, "/v1/sprites").json(&body), CREATION).await
    }

    /// Does not wake it.
    pub async fn look(&self, name: &SpriteName) -> Existence<Sprite> {
        Existence::of(self.json(self.of(Method::GET, name, ""), ORDINARY).await)
    }

    /// All pages. Does not wake anybody.
    pub async fn list(&self, prefix: &str) -> Result<Fleet, SpritesError> {
        let mut fleet = Fleet::default();
        let mut token: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let rows = PAGE_ROWS.to_string();
            let mut pairs = vec![("prefix", prefix), ("max_results", &rows)];
            pairs.extend(token.as_deref().map(|token| ("continuation_token", token)));
            let path = format!("/v1/sprites{}", call::query(pairs));
            let page: Page = self.json(self.http.request(Method::GET, &path), ORDINARY).await?;
            fleet.sprites.extend(page.sprites);
            (fleet.running_limit, fleet.running) = (page.running_limit, page.running);
            token = page.next_continuation_token.filter(|token| page.has_more && !token.is_empty());
            if token.is_none() {
                return Ok(fleet);
            }
        }
        Err(SpritesError::Answer(format!("the list has more than {PAGES_MAX} pages")))
    }

    /// Called again for one that is gone, does nothing.
    pub async fn delete(&self, name: &SpriteName) -> Result<(), SpritesError> {
        call::found(self.done(self.of(Method::DELETE, name, ""), ORDINARY).await).map(drop)
    }

    async fn set_url_auth(
        &self,
        name: &SpriteName,
        auth: &UrlAuth,
    ) -> Result<Sprite, SpritesError> {
        let body = json!({ "url_settings": { "auth": auth } });
        self.json(self.of(Method::PUT, name, "").json(&body), ORDINARY).await
    }
}
