//! The chat page, embedded at build time (see `build.rs`).
//!
//! A request path is looked up as it stands in a fixed table. There is no file
//! system behind it, so there is nothing to traverse.

use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue,
    IF_NONE_MATCH,
};
use hyper::{Response, StatusCode};
use shared::Upstream;

use super::answer::{Answer, full};

struct Asset {
    path: &'static str,
    content_type: &'static str,
    /// Strong, in quotes.
    etag: &'static str,
    body: &'static [u8],
}

/// Sorted by path.
static ASSETS: &[Asset] = include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// The page with the policy it is served under.
pub struct Ui {
    policy: HeaderValue,
}

impl Ui {
    pub fn new(site_url: &Upstream) -> Self {
        let policy = format!(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; \
             connect-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self' {site_url}; \
             frame-ancestors 'none'"
        );
        Self { policy: HeaderValue::from_str(&policy).expect("an origin is a header value") }
    }

    /// `None` when the page has no such file.
    pub fn answer(&self, path: &str, headers: &HeaderMap) -> Option<Answer> {
        let asset = find(path)?;
        let is_known = is_etag_known(headers, asset.etag);
        let mut answer = Response::new(full(if is_known { b"" } else { asset.body }));
        if is_known {
            *answer.status_mut() = StatusCode::NOT_MODIFIED;
        }
        let headers = answer.headers_mut();
        headers.insert(ETAG, HeaderValue::from_static(asset.etag));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
        headers.insert(CONTENT_SECURITY_POLICY, self.policy.clone());
        Some(answer)
    }
}

fn find(path: &str) -> Option<&'static Asset> {
    let path = if path == "/" { "/index.html" } else { path };
    ASSETS.binary_search_by(|asset| asset.path.cmp(path)).ok().map(|index| &ASSETS[index])
}

/// `If-None-Match` compares weakly: a cache on the way may have put `W/` before our tag.
fn is_etag_known(headers: &HeaderMap, etag: &str) -> bool {
    headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|list| list.split(','))
        .map(str::trim)
        .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(path: &str, if_none_match: Option<&str>) -> Option<Answer> {
        let mut headers = HeaderMap::new();
        if let Some(tags) = if_none_match {
            headers.insert(IF_NONE_MATCH, HeaderValue::from_str(tags).unwrap());
        }
        Ui::new(&"https://arca.test".parse().unwrap()).answer(path, &headers)
    }

    #[test]
    fn the_page_is_there_and_the_table_sorted() {
        let page = ask("/", None).expect("ui/index.html is embedded");
        assert_eq!(page.headers()[CONTENT_TYPE], "text/html; charset=utf-8");
        let policy = page.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains("form-action 'self' https://arca.test;"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert!(ASSETS.is_sorted_by_key(|asset| asset.path));
    }

    #[test]
    fn only_what_the_page_is_made_of_is_served() {
        for path in [
            "",
            "/package.json",
            "/tests",
            "/vendor/",
            "/..",
            "/../Cargo.toml",
            "/%2e%2e/Cargo.toml",
            "/vendor/../index.html",
            "//index.html",
            "/index.html/",
            "/INDEX.HTML",
            "/index.html\0",
            "\\index.html",
            "/etc/passwd",
        ] {
            assert!(ask(path, None).is_none(), "{path}");
        }
        assert!(ASSETS.iter().all(|asset| !asset.path.contains("test")));
    }

    #[test]
    fn a_page_that_is_known_is_not_sent_again() {
        let etag = ask("/", None).unwrap().headers()[ETAG].to_str().unwrap().to_owned();
        let check = |tags: &str, expected: StatusCode| {
            assert_eq!(ask("/", Some(tags)).unwrap().status(), expected, "{tags}");
        };
        check(&etag, StatusCode::NOT_MODIFIED);
        check(&format!("\"x\", W/{etag}"), StatusCode::NOT_MODIFIED);
        check("*", StatusCode::NOT_MODIFIED);
        check("\"x\"", StatusCode::OK);
        check(etag.trim_matches('"'), StatusCode::OK);
    }
}
