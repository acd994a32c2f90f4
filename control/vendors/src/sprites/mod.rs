//! The Sprites provider: virtual machines that sleep when nobody needs them.
//!
//! The token controls every VM of the organisation: it goes to the API only,
//! never to a VM's own URL. What the provider does not say clearly is
//! [`Existence::Unknown`], never gone.

pub mod address;
pub mod checkpoints;
pub mod error;
pub mod exec;
pub mod existence;
pub mod files;
pub mod fleet;
pub mod name;
pub mod policy;
pub mod services;
pub mod sprite;

mod call;
mod lines;

use shared::{Secret, Upstream};

use crate::http::{BuildError, Http};

pub use checkpoints::{Checkpoint, CheckpointId};
pub use error::SpritesError;
pub use exec::{Command, Finished};
pub use existence::Existence;
pub use name::{NameError, ServiceName, SpriteName};
pub use sprite::{NewSprite, Sprite, SpriteStatus, UrlAuth};

pub struct Sprites {
    http: Http,
}

impl Sprites {
    /// `base_url` is `https://api.sprites.dev`, or a stand-in.
    ///
    /// # Errors
    /// The token cannot stand in a header.
    pub fn new(base_url: &Upstream, token: &Secret<String>) -> Result<Self, BuildError> {
        Ok(Self { http: Http::with_bearer(base_url, token)? })
    }
}
