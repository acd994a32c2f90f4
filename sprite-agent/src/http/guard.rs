//! Decides whether a request may pass: who asks, and from which page.
//!
//! Pure. The VM's own URL is public on the internet, so what the edge has not
//! signed goes no further than here.

use hyper::header::{HeaderMap, HeaderName, ORIGIN, UPGRADE};
use hyper::{Method, Uri};
use shared::identity::{
    self, IDENTITY_HEADER, Identity, IdentityError, IdentityKey, TELEGRAM_PATH,
};
use shared::{SessionId, Upstream, Username};

/// What is known about this workspace.
pub struct Guard<'a> {
    pub keys: &'a [IdentityKey],
    pub username: &'a Username,
    pub public_url: &'a Upstream,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Decision {
    Pass(Identity),
    /// The edge has seen Telegram's secret: to the assistant's own ear for it, and nowhere else.
    Telegram(Identity),
    /// A person who found the VM's own URL: to the same path on the proper host.
    Redirect(String),
    NoIdentity(IdentityRefusal),
    ForeignOrigin,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdentityRefusal {
    Missing,
    /// More than one header, or bytes that are no text.
    Unreadable,
    Invalid(IdentityError),
}

impl IdentityRefusal {
    /// A label for metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Unreadable | Self::Invalid(IdentityError::Malformed) => "malformed",
            Self::Invalid(IdentityError::UnknownKey) => "unknown_key",
            Self::Invalid(IdentityError::Forged) => "forged",
            Self::Invalid(IdentityError::ForeignWorkspace) => "foreign_workspace",
            Self::Invalid(IdentityError::Stale) => "stale",
        }
    }
}

impl Guard<'_> {
    /// `now` is in unix seconds.
    pub fn decide(&self, method: &Method, uri: &Uri, headers: &HeaderMap, now: u64) -> Decision {
        match self.identify(headers, now) {
            Ok(identity) if identity.session == SessionId::NONE => {
                let is_call = method == Method::POST && uri.path() == TELEGRAM_PATH;
                if is_call && !is_upgrade(headers) {
                    Decision::Telegram(identity)
                } else {
                    Decision::NoIdentity(IdentityRefusal::Missing)
                }
            }
            Ok(_) if needs_origin(method, headers) && !self.is_our_origin(headers) => {
                Decision::ForeignOrigin
            }
            Ok(identity) => Decision::Pass(identity),
            // Only where there is no identity at all: one that is wrong came through an edge, and
            // a redirect back to the edge would go round in circles.
            Err(IdentityRefusal::Missing)
                if method == Method::GET
                    && !is_upgrade(headers)
                    && is_navigation(method, headers) =>
            {
                Decision::Redirect(format!("{}{}", self.public_url, path_and_query(uri)))
            }
            Err(refusal) => Decision::NoIdentity(refusal),
        }
    }

    fn identify(&self, headers: &HeaderMap, now: u64) -> Result<Identity, IdentityRefusal> {
        let header = match only(headers, &HeaderName::from_static(IDENTITY_HEADER)) {
            Only::None => return Err(IdentityRefusal::Missing),
            Only::Text(text) => text,
            Only::Unreadable => return Err(IdentityRefusal::Unreadable),
        };
        identity::verify(self.keys, header, self.username, now).map_err(IdentityRefusal::Invalid)
    }

    fn is_our_origin(&self, headers: &HeaderMap) -> bool {
        matches!(only(headers, &ORIGIN), Only::Text(origin) if origin == self.public_url.as_str())
    }
}

/// Is this an attempt to leave HTTP for another protocol?
pub fn is_upgrade(headers: &HeaderMap) -> bool {
    headers.contains_key(UPGRADE)
}

fn needs_origin(method: &Method, headers: &HeaderMap) -> bool {
    !method.is_safe() || is_upgrade(headers)
}

fn is_navigation(method: &Method, headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    shared::navigation::is_navigation(method.as_str(), text)
}

/// Begins with a slash, so that nothing in it can change the host it is put behind.
fn path_and_query(uri: &Uri) -> &str {
    uri.path_and_query()
        .map(|path_and_query| path_and_query.as_str())
        .filter(|text| text.starts_with('/'))
        .unwrap_or("/")
}

enum Only<'a> {
    None,
    Text(&'a str),
    Unreadable,
}

/// The one value of a header that must not be there twice.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Only<'a> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Only::None,
        (Some(value), None) => value.to_str().map_or(Only::Unreadable, Only::Text),
        (Some(_), Some(_)) => Only::Unreadable,
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;
    use shared::{KeyId, RequestId};

    use super::*;

    const NOW: u64 = 1_000_000;
    const OURS: &str = "http://ada.arca.localhost:8080";

    fn key(byte: &str) -> IdentityKey {
        IdentityKey::from_hex(KeyId::parse("k1").unwrap(), &byte.repeat(32)).unwrap()
    }

    fn identity(username: &str, issued: u64) -> Identity {
        Identity {
            username: Username::parse(username).unwrap(),
            session: SessionId::random(),
            request: RequestId::random(),
            issued,
        }
    }

    fn signed() -> String {
        key("01").sign(&identity("ada", NOW))
    }

    fn decide(method: &str, path: &str, headers: &[(&'static str, &str)]) -> Decision {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_str(value).unwrap());
        }
        let guard = Guard {
            keys: &[key("01")],
            username: &Username::parse("ada").unwrap(),
            public_url: &OURS.parse().unwrap(),
        };
        guard.decide(&method.parse().unwrap(), &path.parse().unwrap(), &map, NOW)
    }

    #[test]
    fn what_the_edge_signed_passes() {
        let passed = decide("GET", "/", &[(IDENTITY_HEADER, &signed())]);
        assert!(matches!(passed, Decision::Pass(identity) if identity.username.as_str() == "ada"));
    }

    #[test]
    fn an_identity_that_is_not_ours_is_refused_and_never_redirected() {
        let check = |header: String, label: &str| {
            let headers = [(IDENTITY_HEADER, header.as_str()), ("sec-fetch-mode", "navigate")];
            match decide("GET", "/", &headers) {
                Decision::NoIdentity(refusal) => assert_eq!(refusal.label(), label),
                other => panic!("{label}: {other:?}"),
            }
        };
        check(key("02").sign(&identity("ada", NOW)), "forged");
        check(key("01").sign(&identity("bob", NOW)), "foreign_workspace");
        check(key("01").sign(&identity("ada", NOW - 61)), "stale");
        check(key("01").sign(&identity("ada", NOW + 61)), "stale");
        check(signed().replacen("1.k1", "1.k2", 1), "unknown_key");
        check(signed().replacen("ada", "bob", 1), "forged");
        check(String::new(), "malformed");
        check("1.k1".to_owned(), "malformed");
    }

    #[test]
    fn telegrams_call_opens_one_path_and_needs_no_page() {
        let identity = Identity { session: SessionId::NONE, ..identity("ada", NOW) };
        let header = key("01").sign(&identity);
        let asked = |method: &str, path: &str, extra: &[(&'static str, &str)]| {
            let mut headers = vec![(IDENTITY_HEADER, header.as_str())];
            headers.extend_from_slice(extra);
            decide(method, path, &headers)
        };
        assert_eq!(asked("POST", TELEGRAM_PATH, &[]), Decision::Telegram(identity));
        let refused = Decision::NoIdentity(IdentityRefusal::Missing);
        assert_eq!(asked("GET", TELEGRAM_PATH, &[]), refused);
        assert_eq!(asked("POST", TELEGRAM_PATH, &[("upgrade", "websocket")]), refused);
        for path in ["/", "/ws", "/settings.json", "/hooks/telegram/", "/hooks"] {
            assert_eq!(asked("POST", path, &[("origin", OURS)]), refused, "{path}");
        }
        let person = signed();
        let passed = decide("POST", TELEGRAM_PATH, &[(IDENTITY_HEADER, &person), ("origin", OURS)]);
        assert!(matches!(passed, Decision::Pass(_)), "a person finds nothing there: {passed:?}");
    }

    #[test]
    fn two_identities_are_none() {
        let (first, second) = (signed(), signed());
        let headers = [(IDENTITY_HEADER, first.as_str()), (IDENTITY_HEADER, second.as_str())];
        assert_eq!(decide("GET", "/", &headers), Decision::NoIdentity(IdentityRefusal::Unreadable));
    }

    #[test]
    fn a_person_is_sent_to_the_proper_host_and_a_program_is_refused() {
        let page = ("accept", "text/html,*/*;q=0.8");
        let redirect = |path: &str| Decision::Redirect(format!("{OURS}{path}"));
        assert_eq!(decide("GET", "/a?b=c", &[page]), redirect("/a?b=c"));
        assert_eq!(decide("GET", "/", &[("sec-fetch-mode", "navigate")]), redirect("/"));
        assert_eq!(decide("GET", "//evil.test/", &[page]), redirect("//evil.test/"));
        assert_eq!(decide("GET", "http://evil.test/x", &[page]), redirect("/x"));
        let refused = Decision::NoIdentity(IdentityRefusal::Missing);
        assert_eq!(decide("GET", "/", &[]), refused);
        assert_eq!(decide("POST", "/", &[page]), refused);
        assert_eq!(decide("GET", "/ws", &[page, ("upgrade", "websocket")]), refused);
    }

    #[test]
    fn what_changes_something_comes_from_our_own_page() {
        let header = signed();
        let check = |method: &str, extra: &[(&'static str, &str)], passes: bool| {
            let mut headers = vec![(IDENTITY_HEADER, header.as_str())];
            headers.extend_from_slice(extra);
            let passed = matches!(decide(method, "/ws", &headers), Decision::Pass(_));
            assert_eq!(passed, passes, "{method} {extra:?}");
        };
        let upgrade = ("upgrade", "websocket");
        check("GET", &[("origin", "http://evil.test")], true);
        check("GET", &[upgrade, ("origin", OURS)], true);
        check("POST", &[("origin", OURS)], true);
        check("POST", &[], false);
        for wrong in ["http://evil.test", "null", "", "http://ada.arca.localhost", OURS_WITH_SLASH]
        {
            check("GET", &[upgrade, ("origin", wrong)], false);
        }
        check("GET", &[upgrade], false);
        check("GET", &[upgrade, ("origin", OURS), ("origin", OURS)], false);
    }

    const OURS_WITH_SLASH: &str = "http://ada.arca.localhost:8080/";
}
