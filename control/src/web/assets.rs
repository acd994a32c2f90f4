//! The stylesheet and the icon: compiled in, named by their content.

use std::sync::LazyLock;

use axum::body::Bytes;
use axum::extract::{Path, Query};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use crate::http::Problem;
use crate::http::arrival::text;
use crate::token::sha256_hex;

pub(super) static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("site.css", "text/css; charset=utf-8", include_str!("../../assets/site.css"))
});

pub(super) static ICON: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("icon.svg", "image/svg+xml", include_str!("../../assets/icon.svg"))
});

pub(super) struct Asset {
    name: &'static str,
    content_type: &'static str,
    content: &'static str,
    /// The beginning of the content's SHA-256.
    version: String,
}

impl Asset {
    fn new(name: &'static str, content_type: &'static str, content: &'static str) -> Self {
        Self { name, content_type, content, version: sha256_hex(content)[..16].to_owned() }
    }
}

/// Changes when the content does, so that it may be kept for ever.
pub(super) fn url(site_url: &str, asset: &Asset) -> String {
    format!("{site_url}/assets/{}?v={}", asset.name, asset.version)
}

#[derive(Deserialize)]
pub(super) struct Version {
    #[serde(default)]
    v: String,
}

pub(super) async fn show(
    Path(name): Path<String>,
    Query(version): Query<Version>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let assets = [&*STYLE, &*ICON];
    let asset = assets.into_iter().find(|asset| asset.name == name);
    let asset = asset.ok_or_else(|| Problem::not_found("There is nothing at this address."))?;
    let tag = format!("\"{}\"", asset.version);
    let is_known = text(&headers, "if-none-match")
        .is_some_and(|known| known.split(',').any(|known| known.trim() == tag));
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let content_type = HeaderValue::from_static(asset.content_type);
        let content = Bytes::from_static(asset.content.as_bytes());
        ([(header::CONTENT_TYPE, content_type)], content).into_response()
    };
    let keep = if version.v == asset.version {
        HeaderValue::from_static("public, max-age=31536000, immutable")
    } else {
        HeaderValue::from_static("no-cache")
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, keep);
    headers.insert(header::ETAG, HeaderValue::try_from(tag).expect("hexadecimal digits"));
    Ok(response)
}
