//! Stylesheets, scripts, the font and pictures: compiled in, named by their content.

use std::sync::LazyLock;

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use super::query::Query;
use crate::base::token::sha256_hex;
use crate::http::request_context::text;
use crate::http::{Path, Problem, problem};

struct Asset {
    name: &'static str,
    content: &'static [u8],
    /// The beginning of the content's SHA-256.
    version: String,
}

macro_rules! assets {
    ($($name:literal)*) => {
        [$(Asset::new($name, include_bytes!(concat!("../../assets/", $name)))),*]
    };
}

static ASSETS: LazyLock<[Asset; 16]> = LazyLock::new(|| {
    assets![
        "icon.svg" "site.css" "home.css" "welcome.css"
        "console.css" "console.js"
        "signup.js" "name.js" "password.js" "welcome.js" "progress.js"
        "inter-latin.woff2" "chat-light.webp" "chat-dark.webp" "chat-phone.webp"
        "og.jpg"
    ]
});

impl Asset {
    fn new(name: &'static str, content: &'static [u8]) -> Self {
        Self { name, content, version: sha256_hex(content)[..16].to_owned() }
    }

    fn content_type(&self) -> HeaderValue {
        HeaderValue::from_static(match self.name.rsplit('.').next() {
            Some("css") => "text/css; charset=utf-8",
            Some("js") => "text/javascript; charset=utf-8",
            Some("jpg") => "image/jpeg",
            Some("webp") => "image/webp",
            Some("woff2") => "font/woff2",
            _ => "image/svg+xml",
        })
    }
}

/// Changes when the content does, so that it may be kept for ever.
///
/// # Panics
/// When there is no such asset: a template names one that is not compiled in.
pub(crate) fn url(site_url: &str, name: &str) -> String {
    let asset = ASSETS.iter().find(|asset| asset.name == name);
    let version = &asset.expect("every asset that a page names is compiled in").version;
    format!("{site_url}/assets/{name}?v={version}")
}

#[derive(Default, Deserialize)]
pub(crate) struct Version {
    #[serde(default)]
    v: String,
}

pub(crate) async fn show(
    Path(name): Path<String>,
    Query(version): Query<Version>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let asset = ASSETS.iter().find(|asset| asset.name == name);
    let asset = asset.ok_or_else(problem::nothing_here)?;
    // Weak: compressed or not, it is the same asset.
    let tag = format!("W/\"{}\"", asset.version);
    let is_known = text(&headers, "if-none-match")
        .is_some_and(|known| known.split(',').any(|known| ["*", &tag].contains(&known.trim())));
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let content = Bytes::from_static(asset.content);
        ([(header::CONTENT_TYPE, asset.content_type())], content).into_response()
    };
    // Scripts and fonts are named by other files without a version, and asked for again each time.
    let keep = if version.v == asset.version {
        HeaderValue::from_static("public, max-age=31536000, immutable")
    } else {
        HeaderValue::from_static("no-cache")
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, keep);
    // A page on a workspace's host shows its letters too.
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ETAG, HeaderValue::try_from(tag).expect("hexadecimal digits"));
    Ok(response)
}
