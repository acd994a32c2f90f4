//! Files in a sprite. Each call wakes it.

use std::time::Duration;

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;

use crate::sprites::call;
use crate::sprites::{SpriteName, Sprites, SpritesError};

/// Uploads to a sprite that boots can take a while.
const TRANSFER: Duration = Duration::from_secs(120);

/// Begins with `/`: what the provider takes relative paths to start from is a guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AbsolutePath<'a>(&'a str);

impl<'a> AbsolutePath<'a> {
    /// `None` when `text` is relative or has a NUL in it.
    pub fn parse(text: &'a str) -> Option<Self> {
        (text.starts_with('/') && !text.contains('\0')).then_some(Self(text))
    }
}

impl Sprites {
    /// `None` when there is no such file.
    ///
    /// # Errors
    /// `Lost` also when it has more than `max_bytes`.
    pub async fn read_file(
        &self,
        sprite: &SpriteName,
        path: AbsolutePath<'_>,
        max_bytes: usize,
    ) -> Result<Option<Vec<u8>>, SpritesError> {
        let query = call::query([("path", path.0), ("workingDir", "/")]);
        let request = self.of(Method::GET, sprite, &format!("/fs/read{query}"));
        match self.ok(request, TRANSFER, max_bytes).await {
            Ok(reply) => Ok(Some(reply.body)),
            Err(error) if error.is_about_the_sprite() => Err(error),
            Err(error) => call::found(Err(error)),
        }
    }

    /// Creates or replaces the file, and the folders above it. Called again, changes nothing.
    ///
    /// `mode` is as in `chmod`: `0o600`. Who owns it is undocumented: `chown` after it.
    pub async fn write_file(
        &self,
        sprite: &SpriteName,
        path: AbsolutePath<'_>,
        mode: u32,
        content: Bytes,
    ) -> Result<(), SpritesError> {
        let mode = format!("{mode:04o}");
        let query = call::query([
            ("path", path.0),
            ("workingDir", "/"),
            // The vendor's clients say the one, its documentation the other.
            ("mkdirParents", "true"),
            ("mkdir", "true"),
            ("mode", &mode),
        ]);
        let request = self
            .of(Method::PUT, sprite, &format!("/fs/write{query}"))
            .header(CONTENT_TYPE, "application/octet-stream")
            .body(content);
        self.done(request, TRANSFER).await
    }
}
