//! One call to the API.

use std::time::Duration;

use reqwest::{Method, RequestBuilder, StatusCode};
use serde::de::DeserializeOwned;

use crate::http::{Limits, Reply};
use crate::sprites::error::{self, SpritesError};
use crate::sprites::lines::{self, Line};
use crate::sprites::{SpriteName, Sprites};

/// A page of sprites is the longest answer, some hundred kilobytes.
const ANSWER_MAX_BYTES: usize = 4 << 20;

/// The vendor's own clients give an ordinary call this long.
pub(super) const ORDINARY: Duration = Duration::from_secs(30);

impl Sprites {
    /// `rest` follows the sprite's own path and begins with `/`, or is empty.
    pub(super) fn of(&self, method: Method, sprite: &SpriteName, rest: &str) -> RequestBuilder {
        self.http.request(method, &format!("/v1/sprites/{sprite}{rest}"))
    }

    pub(super) async fn json<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
        total: Duration,
    ) -> Result<T, SpritesError> {
        let reply = self.ok(request, total, ANSWER_MAX_BYTES).await?;
        reply.json().map_err(|error| SpritesError::Answer(error.to_string()))
    }

    /// Any 2xx, whose body is of no interest.
    pub(super) async fn done(
        &self,
        request: RequestBuilder,
        total: Duration,
    ) -> Result<(), SpritesError> {
        self.ok(request, total, ANSWER_MAX_BYTES).await.map(drop)
    }

    pub(super) async fn ok(
        &self,
        request: RequestBuilder,
        total: Duration,
        answer_max_bytes: usize,
    ) -> Result<Reply, SpritesError> {
        let reply = self.http.send(request, Limits { total, answer_max_bytes }).await?;
        if reply.status.is_success() { Ok(reply) } else { Err(error::of_reply(&self.http, &reply)) }
    }

    /// Reads a stream of lines to its end, under 200 only.
    pub(super) async fn lines(
        &self,
        request: RequestBuilder,
        total: Duration,
    ) -> Result<Vec<Line>, SpritesError> {
        let limits = Limits { total, answer_max_bytes: lines::STREAM_MAX_BYTES };
        let reply = self.http.send(request, limits).await?;
        if reply.status != StatusCode::OK {
            return Err(error::of_reply(&self.http, &reply));
        }
        lines::parse(&self.http, &reply.body)
    }
}

/// `None` for a 404 in the API's own words.
pub(super) fn found<T>(result: Result<T, SpritesError>) -> Result<Option<T>, SpritesError> {
    match result {
        Ok(thing) => Ok(Some(thing)),
        Err(SpritesError::Missing(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// `?a=b&c=d`, escaped. The provider takes a blank as `+`.
pub(super) fn query<K: AsRef<str>, V: AsRef<str>>(
    pairs: impl IntoIterator<Item = (K, V)>,
) -> String {
    let mut serializer = url::form_urlencoded::Serializer::new("?".to_owned());
    serializer.extend_pairs(pairs).finish()
}

/// As the provider writes durations.
pub(super) fn seconds(duration: Duration) -> String {
    format!("{}s", duration.as_secs())
}
