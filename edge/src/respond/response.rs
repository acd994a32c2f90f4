//! The edge's own responses: a page for a browser that navigates, JSON for the rest.

use std::io::Write as _;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use shared::request_id::REQUEST_ID_HEADER;
use shared::wire::ErrorBody;
use shared::{Language, PublicSite, RequestId, ReturnPath, Session};

use super::refusal::{Refusal, Shape};
use super::workspace_status::WorkspaceStatus;
use super::{english, pages};
use crate::head::{HeadError, is_token};
use crate::policy::cookies;
use crate::policy::response::present_date;

/// A whole text. Written by the connection handler.
#[derive(Debug)]
pub(crate) struct Response {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
    options: ResponseOptions,
}

/// How a response is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ResponseOptions {
    pub request: RequestId,
    /// HTML in this language, because a person looks at it.
    pub page: Option<Language>,
    pub keep_alive: bool,
    /// A HEAD request: the head of the response only.
    pub head_only: bool,
}

impl Response {
    pub(crate) fn refused(refusal: Refusal, site: &PublicSite, options: ResponseOptions) -> Self {
        let shape = Shape::of(refusal);
        let retry = shape.retry_after.map(|seconds| ("retry-after", seconds.to_string()));
        if let Some(language) = options.page {
            let page = pages::refused(refusal, language, site, options.request);
            let mut response = Self::write(shape.status, Content::Html(page), retry, options);
            if refusal == Refusal::UnknownWorkspace {
                response.forget_storage();
            }
            return response;
        }
        // A name that is not ours was never meant for us: 421 lets a client try elsewhere.
        let status = if refusal == Refusal::UnknownHost { 421 } else { shape.status };
        let [_, sentence] = (english::TEXT.refusal)(refusal);
        let body = ErrorBody::new(shape.code, sentence);
        Self::write(status, Content::json(&body), retry, options)
    }

    /// The request was not understood; the connection ends after this.
    pub(crate) fn malformed(error: HeadError, request: RequestId) -> Self {
        let options = ResponseOptions { request, page: None, keep_alive: false, head_only: false };
        let body = ErrorBody::new("malformed_request", error.to_string());
        let header = match error {
            HeadError::Method => Some(("allow", METHODS.to_owned())),
            // Says what is meant (RFC 9110, 15.5.22; RFC 6455, 4.4).
            HeadError::HandshakeVersion => Some(("sec-websocket-version", "13".to_owned())),
            _ => None,
        };
        let mut response = Self::write(error.status(), Content::json(&body), header, options);
        if error == HeadError::HandshakeVersion {
            response.headers.push(("upgrade", "websocket".to_owned()));
            response.headers.retain(|(name, _)| *name != "connection");
            response.headers.push(("connection", "upgrade, close".to_owned()));
        }
        response
    }

    pub(crate) fn unauthorized(options: ResponseOptions) -> Self {
        let body = ErrorBody::new("no_session", "you are not signed in to this workspace");
        let challenge = ("www-authenticate", CHALLENGE.to_owned());
        Self::write(401, Content::json(&body), Some(challenge), options)
    }

    /// To `/auth/login` on the same host, and from there back to `target`.
    pub(crate) fn sign_in(target: &str, options: ResponseOptions) -> Self {
        let back = ReturnPath::or_root(target);
        let location =
            format!("/auth/login?return={}", utf8_percent_encode(back.as_str(), QUERY_VALUE));
        Self::write(302, Content::Empty, Some(("location", location)), options)
    }

    /// To the same thing under another scheme or name; the method stays.
    pub(crate) fn moved(location: String, options: ResponseOptions) -> Self {
        Self::write(308, Content::Empty, Some(("location", location)), options)
    }

    /// What a certificate authority wants to read.
    pub(crate) fn challenge(answer: String, options: ResponseOptions) -> Self {
        Self::write(200, Content::Bytes(answer), None, options)
    }

    /// The head of the request was too large; cookies are what a person can do about.
    pub(crate) fn too_many_cookies(language: Language, options: ResponseOptions) -> Self {
        let page = pages::too_many_cookies(language, options.request);
        let mut response = Self::write(431, Content::Html(page), None, options);
        // Else a browser hides where the form was sent from.
        response.headers.retain(|(name, _)| *name != "referrer-policy");
        response.headers.push(("referrer-policy", "same-origin".to_owned()));
        response
    }

    /// To the page of the site that says what was done there.
    pub(crate) fn departure(page_url: String, forgets: bool, options: ResponseOptions) -> Self {
        let location = Some(("location", page_url));
        let mut response = Self::write(303, Content::Empty, location, options);
        if forgets {
            response.forget_storage();
        }
        response
    }

    /// What the chat page kept in the browser was for whoever is gone.
    fn forget_storage(&mut self) {
        self.headers.push(("clear-site-data", "\"storage\"".to_owned()));
    }

    /// Makes the browser forget all cookies, also those that a page set for the domain
    /// above: by one word where it is understood, and one by one where it is not.
    pub(crate) fn cookies_cleared<'n>(
        names: impl Iterator<Item = &'n str>,
        site: &PublicSite,
        options: ResponseOptions,
    ) -> Self {
        let location = Some(("location", "/".to_owned()));
        let mut response = Self::write(303, Content::Empty, location, options);
        response.headers.push(("clear-site-data", "\"cookies\"".to_owned()));
        let mut bytes = 0;
        for name in names.filter(|name| !name.is_empty() && name.bytes().all(is_token)) {
            for line in cookies::expired(name, site) {
                bytes += line.len();
                if bytes > CLEARED_COOKIES_BYTES {
                    return response;
                }
                response.headers.push(("set-cookie", line));
            }
        }
        response
    }

    pub(crate) fn bounce(target: &str, options: ResponseOptions) -> Self {
        let language = options.page.unwrap_or(Language::English);
        let page = pages::bounce(language, &ReturnPath::or_root(target));
        Self::write(200, Content::Html(page), None, options)
    }

    pub(crate) fn session_info(
        session: Option<&Session>,
        status: WorkspaceStatus,
        options: ResponseOptions,
    ) -> Self {
        let state = status.as_str();
        let body = match session {
            Some(session) => serde_json::json!({
                "signed_in": true, "state": state,
                "username": session.username, "expires_at": session.expires,
            }),
            None => serde_json::json!({ "signed_in": false, "state": state }),
        };
        Self::write(200, Content::json(&body), None, options)
    }

    /// What the page that waits for a machine asks for.
    pub(crate) fn machine(state: &'static str, options: ResponseOptions) -> Self {
        Self::write(200, Content::json(&serde_json::json!({ "state": state })), None, options)
    }

    fn write(
        status: u16,
        content: Content,
        header: Option<(&'static str, String)>,
        options: ResponseOptions,
    ) -> Self {
        let (kind, body) = content.parts();
        let mut headers = kind;
        headers.extend([
            ("date", date()),
            ("content-length", body.len().to_string()),
            ("cache-control", "no-store".to_owned()),
            ("x-content-type-options", "nosniff".to_owned()),
            ("referrer-policy", "no-referrer".to_owned()),
            (REQUEST_ID_HEADER, options.request.to_string()),
        ]);
        headers.extend(header);
        if !options.keep_alive {
            headers.push(("connection", "close".to_owned()));
        }
        Self { status, headers, body, options }
    }

    /// The answer as it goes over the wire in HTTP/1.1.
    /// `hsts` is what it says about coming over TLS alone.
    pub(crate) fn bytes(&self, hsts: Option<&str>) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(512 + self.body.len());
        write!(bytes, "HTTP/1.1 {} {}\r\n", self.status, reason(self.status)).expect("memory");
        for (name, value) in &self.headers {
            write!(bytes, "{name}: {value}\r\n").expect("memory");
        }
        if let Some(hsts) = hsts {
            write!(bytes, "strict-transport-security: {hsts}\r\n").expect("memory");
        }
        bytes.extend_from_slice(b"\r\n");
        if !self.options.head_only {
            bytes.extend_from_slice(self.body.as_bytes());
        }
        bytes
    }
}

fn date() -> String {
    String::from_utf8_lossy(&present_date()).into_owned()
}

/// What may be asked of a workspace or of the site.
const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/// Of the lines that make a browser forget cookies: what common clients take of a head.
const CLEARED_COOKIES_BYTES: usize = 12 * 1024;

/// A 401 must say how to sign in (RFC 9110, 15.5.2). No scheme that a browser knows:
/// it would ask for a password in a window of its own.
const CHALLENGE: &str = "Session realm=\"workspace\"";

enum Content {
    Html(String),
    Json(String),
    Bytes(String),
    Empty,
}

impl Content {
    fn json(body: &impl serde::Serialize) -> Self {
        Self::Json(serde_json::to_string(body).expect("our own bodies are JSON"))
    }

    /// The headers that describe it, and the body.
    fn parts(self) -> (Vec<(&'static str, String)>, String) {
        match self {
            Self::Html(page) => {
                let headers = vec![
                    ("content-type", "text/html; charset=utf-8".to_owned()),
                    ("content-security-policy", pages::content_security_policy(&page)),
                    ("x-frame-options", "DENY".to_owned()),
                ];
                (headers, page)
            }
            Self::Json(text) => (vec![("content-type", "application/json".to_owned())], text),
            Self::Bytes(text) => {
                (vec![("content-type", "application/octet-stream".to_owned())], text)
            }
            Self::Empty => (Vec::new(), String::new()),
        }
    }
}

/// For a query value: everything but unreserved characters and `/` is encoded.
const QUERY_VALUE: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

fn reason(status: u16) -> &'static str {
    pingora::http::StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or("Unknown")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: ResponseOptions = ResponseOptions {
        request: RequestId::from_bits(7),
        page: None,
        keep_alive: true,
        head_only: false,
    };

    fn site() -> PublicSite {
        PublicSite::new("arca.test", "https://arca.test".parse().unwrap()).unwrap()
    }

    fn text(response: &Response) -> String {
        String::from_utf8(response.bytes(None)).unwrap()
    }

    #[test]
    fn programs_get_json_and_people_get_a_page() {
        let json = text(&Response::refused(Refusal::UnknownHost, &site(), OPTIONS));
        assert!(json.starts_with("HTTP/1.1 421 Misdirected Request\r\n"), "{json}");
        assert!(json.ends_with(r#"A workspace that was cancelled is gone from here too."}}"#));
        let options = ResponseOptions { page: Some(Language::English), ..OPTIONS };
        let page = text(&Response::refused(Refusal::UnknownHost, &site(), options));
        assert!(page.starts_with("HTTP/1.1 404 Not Found\r\n"), "{page}");
        assert!(page.contains("content-security-policy: default-src 'none'"), "{page}");
        assert!(page.contains("00000000000000000000000000000007"), "{page}");
    }

    #[test]
    fn a_browser_forgets_a_workspace_that_is_gone_and_no_other() {
        let options = ResponseOptions { page: Some(Language::English), ..OPTIONS };
        for (refusal, forgets) in [(Refusal::UnknownWorkspace, true), (Refusal::Suspended, false)] {
            let page = text(&Response::refused(refusal, &site(), options));
            assert_eq!(page.contains("clear-site-data: \"storage\"\r\n"), forgets, "{page}");
        }
    }

    #[test]
    fn a_page_is_in_the_language_of_who_looks_at_it() {
        let page = |language| {
            let options = ResponseOptions { page: Some(language), ..OPTIONS };
            text(&Response::refused(Refusal::GivenUp, &site(), options))
        };
        let (english, german) = (page(Language::English), page(Language::German));
        assert!(english.contains("<html lang=\"en\">"), "{english}");
        assert!(german.contains("<html lang=\"de\">"), "{german}");
        for (in_english, in_german) in [
            ("Your workspace does not answer", "Dein Arbeitsplatz antwortet nicht"),
            ("Waiting…", "Bitte warten…"),
            ("for a minute, which", "Seit einer Minute"),
            ("Contact", "Kontakt"),
            ("Request 0000", "Anfrage 0000"),
        ] {
            assert!(english.contains(in_english) && !german.contains(in_english), "{in_english}");
            assert!(german.contains(in_german) && !english.contains(in_german), "{in_german}");
        }
        let options = ResponseOptions { page: Some(Language::German), ..OPTIONS };
        let page = text(&Response::bounce("/x", options));
        assert!(page.contains("Weiter zu deinem Arbeitsplatz"), "{page}");
    }

    #[test]
    fn what_every_answer_says_of_its_time_and_a_405_of_its_methods() {
        let answer = text(&Response::malformed(HeadError::Method, OPTIONS.request));
        assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
        assert!(answer.contains("\r\nallow: GET, HEAD, POST, "), "{answer}");
        for answer in [answer, text(&Response::unauthorized(OPTIONS))] {
            assert!(answer.contains("\r\ndate: ") && answer.contains(" GMT\r\n"), "{answer}");
        }
    }

    #[test]
    fn a_head_request_gets_the_length_and_no_body() {
        let options = ResponseOptions { head_only: true, ..OPTIONS };
        let response = text(&Response::unauthorized(options));
        assert!(response.ends_with("\r\n\r\n"), "{response}");
        assert!(!response.contains("content-length: 0"), "{response}");
    }

    #[test]
    fn sign_in_comes_back_to_where_it_began_and_to_no_other_host() {
        let check = |target: &str, expected: &str| {
            let response = text(&Response::sign_in(target, OPTIONS));
            assert!(response.contains(&format!("location: {expected}\r\n")), "{response}");
        };
        check("/chat?a=b&c", "/auth/login?return=/chat%3Fa%3Db%26c");
        check("//evil.test", "/auth/login?return=/");
        check("/\\evil.test", "/auth/login?return=/");
    }

    #[test]
    fn the_bounce_page_cannot_be_broken_out_of() {
        let page = text(&Response::bounce("/a\"><script>x</script>", OPTIONS));
        assert!(!page.contains("<script>"), "{page}");
        assert!(page.contains("0;url=/a&quot;&gt;&lt;script&gt;"), "{page}");
    }
}
