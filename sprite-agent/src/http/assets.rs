//! The chat page, embedded at build time (see `build.rs`).
//!
//! A request path is looked up as it stands in a fixed table. There is no file
//! system behind it, so there is nothing to traverse.

use hyper::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH, VARY,
};
use hyper::{Response, StatusCode};
use shared::Upstream;

use super::answer::{Answer, full};

struct Asset {
    path: &'static str,
    content_type: &'static str,
    /// In quotes; weak where it is sent, as it is the same compressed or not.
    etag: &'static str,
    body: &'static [u8],
    /// By content coding, the smallest first.
    compressed: &'static [(&'static str, &'static [u8])],
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
        let coded = asset.compressed.iter().find(|(coding, _)| takes(headers, coding));
        let mut answer = Response::new(full(match coded {
            _ if is_known => b"",
            Some((_, body)) => body,
            None => asset.body,
        }));
        if is_known {
            *answer.status_mut() = StatusCode::NOT_MODIFIED;
        }
        let headers = answer.headers_mut();
        if let Some((coding, _)) = coded.filter(|_| !is_known) {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
        }
        if !asset.compressed.is_empty() {
            headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        }
        let etag = format!("W/{}", asset.etag);
        headers.insert(ETAG, HeaderValue::try_from(etag).expect("hexadecimal digits"));
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
    items(headers, &IF_NONE_MATCH)
        .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

/// Whether a client named this content coding and did not refuse it by `q=0`.
fn takes(headers: &HeaderMap, coding: &str) -> bool {
    items(headers, &ACCEPT_ENCODING).any(|item| {
        let (name, weight) = item.split_once(';').unwrap_or((item, ""));
        let weight = weight.trim().strip_prefix("q=").map(str::parse::<f32>);
        name.trim().eq_ignore_ascii_case(coding) && weight.is_none_or(|q| q.is_ok_and(|q| q > 0.0))
    })
}

/// The members of a header's list.
fn items<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let lists = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).map(str::trim)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

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
        let strong = etag.trim_start_matches("W/");
        check(&format!("\"x\", {strong}"), StatusCode::NOT_MODIFIED);
        check("*", StatusCode::NOT_MODIFIED);
        check("\"x\"", StatusCode::OK);
        check(strong.trim_matches('"'), StatusCode::OK);
    }

    #[test]
    fn a_client_gets_the_smallest_form_that_it_takes() {
        let check = |path: &str, taken: Option<&str>, expected: Option<&str>| {
            let mut headers = HeaderMap::new();
            if let Some(taken) = taken {
                headers.insert(ACCEPT_ENCODING, HeaderValue::from_str(taken).unwrap());
            }
            let ui = Ui::new(&"https://arca.test".parse().unwrap());
            let answer = ui.answer(path, &headers).unwrap();
            let coding = answer.headers().get(CONTENT_ENCODING).map(|it| it.to_str().unwrap());
            assert_eq!(coding, expected, "{path} {taken:?}");
        };
        check("/", None, None);
        check("/", Some("gzip, deflate, br, zstd"), Some("br"));
        check("/", Some("gzip;q=1.0, BR;q=0"), Some("gzip"));
        check("/", Some("zstd, identity;q=0.5, brotli, br;q=x"), None);
        check("/vendor/inter-latin.woff2", Some("br"), None);
    }

    #[test]
    fn what_is_compressed_is_smaller_and_can_be_opened() {
        let coded = |asset: &'static Asset| asset.compressed.iter().map(move |it| (asset, it));
        for (asset, (coding, bytes)) in ASSETS.iter().flat_map(coded) {
            let mut body = Vec::new();
            match *coding {
                "gzip" => flate2::read::GzDecoder::new(*bytes).read_to_end(&mut body).unwrap(),
                _ => brotli::Decompressor::new(*bytes, 4096).read_to_end(&mut body).unwrap(),
            };
            assert!(body == asset.body && bytes.len() < body.len(), "{} {coding}", asset.path);
        }
    }
}
