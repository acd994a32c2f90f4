//! Is it there? Sometimes nobody knows.

use crate::sprites::error::SpritesError;

/// What the provider says of a thing.
#[derive(Debug)]
pub enum Existence<T> {
    Exists(T),
    /// It said in its own words that there is no such thing. It has done so
    /// wrongly in an incident: ask again later before doing what cannot be undone.
    Gone,
    /// It did not answer, or not clearly. Nothing may be concluded from this.
    Unknown(SpritesError),
}

impl<T> Existence<T> {
    pub(super) fn of(result: Result<T, SpritesError>) -> Self {
        match result {
            Ok(thing) => Self::Exists(thing),
            Err(SpritesError::Missing(_)) => Self::Gone,
            Err(error) => Self::Unknown(error),
        }
    }
}
