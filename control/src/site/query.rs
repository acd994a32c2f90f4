//! What stands behind `?` of the site's addresses.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::http::fields;

/// What cannot be understood is as if it were not there: nobody's way ends at an address that
/// something has mangled.
pub(crate) struct Query<T>(pub(super) T);

impl<T: DeserializeOwned + Default, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        let text = parts.uri.query().unwrap_or_default();
        Ok(Self(fields::read(text.as_bytes()).unwrap_or_default()))
    }
}
