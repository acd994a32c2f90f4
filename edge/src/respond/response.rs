//! The edge's own answers: a page for somebody who navigates, JSON for the rest.

use std::io::Write as _;

use shared::request_id::REQUEST_ID_HEADER;
use shared::wire::ErrorBody;
use shared::{PublicSite, RequestId, ReturnPath, Session};

use crate::head::Refusal;
use crate::request::decision::{Refused, Standing};
use crate::respond::pages;
use crate::respond::refusal::Words;

/// A whole answer. Written by the front door.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
    manner: Manner,
}

/// How an answer is written.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    pub request: RequestId,
    /// HTML, because somebody looks at it.
    pub page: bool,
    pub keep_alive: bool,
    /// A HEAD request: the head of the answer only.
    pub head_only: bool,
}

impl Answer {
    pub fn refused(refused: Refused, site: &PublicSite, manner: Manner) -> Self {
        let answer = Words::of(refused);
        let retry = answer.retry_after.map(|seconds| ("retry-after", seconds.to_string()));
        if manner.page {
            let page = pages::refused(&answer, site, manner.request);
            return Self::write(answer.status, Content::Html(page), retry, manner);
        }
        // A name that is not ours was never meant for us: 421 lets a client try elsewhere.
        let status = if refused == Refused::UnknownHost { 421 } else { answer.status };
        let body = ErrorBody::new(answer.code, answer.message);
        Self::write(status, Content::json(&body), retry, manner)
    }

    /// The request was not understood; the connection ends after this.
    pub fn malformed(refusal: Refusal, request: RequestId) -> Self {
        let manner = Manner { request, page: false, keep_alive: false, head_only: false };
        let body = ErrorBody::new("malformed_request", format!("{refusal}"));
        Self::write(refusal.status(), Content::json(&body), None, manner)
    }

    pub fn unauthorized(manner: Manner) -> Self {
        let body = ErrorBody::new("no_session", "you are not signed in to this workspace");
        Self::write(401, Content::json(&body), None, manner)
    }

    /// To `/auth/login` on the same host, and from there back to `target`.
    pub fn sign_in(target: &str, manner: Manner) -> Self {
        let back = ReturnPath::or_root(target);
        let location = format!("/auth/login?return={}", percent_encoded(back.as_str()));
        Self::write(302, Content::Empty, Some(("location", location)), manner)
    }

    pub fn bounce(target: &str, manner: Manner) -> Self {
        let page = pages::bounce(&ReturnPath::or_root(target));
        Self::write(200, Content::Html(page), None, manner)
    }

    pub fn session_info(session: Option<&Session>, standing: Standing, manner: Manner) -> Self {
        let state = standing.as_str();
        let body = match session {
            Some(session) => serde_json::json!({
                "signed_in": true, "state": state,
                "username": session.username, "expires_at": session.expires,
            }),
            None => serde_json::json!({ "signed_in": false, "state": state }),
        };
        Self::write(200, Content::json(&body), None, manner)
    }

    fn write(
        status: u16,
        content: Content,
        header: Option<(&'static str, String)>,
        manner: Manner,
    ) -> Self {
        let (kind, body) = content.parts();
        let mut headers = kind;
        headers.extend([
            ("content-length", body.len().to_string()),
            ("cache-control", "no-store".to_owned()),
            ("x-content-type-options", "nosniff".to_owned()),
            ("referrer-policy", "no-referrer".to_owned()),
            (REQUEST_ID_HEADER, manner.request.to_string()),
        ]);
        headers.extend(header);
        if !manner.keep_alive {
            headers.push(("connection", "close".to_owned()));
        }
        Self { status, headers, body, manner }
    }

    /// The answer as it goes over the wire in HTTP/1.1.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(512 + self.body.len());
        write!(bytes, "HTTP/1.1 {} {}\r\n", self.status, reason(self.status)).expect("memory");
        for (name, value) in &self.headers {
            write!(bytes, "{name}: {value}\r\n").expect("memory");
        }
        bytes.extend_from_slice(b"\r\n");
        if !self.manner.head_only {
            bytes.extend_from_slice(self.body.as_bytes());
        }
        bytes
    }
}

enum Content {
    Html(String),
    Json(String),
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
                    ("content-security-policy", pages::content_security_policy().to_owned()),
                    ("x-frame-options", "DENY".to_owned()),
                ];
                (headers, page)
            }
            Self::Json(text) => (vec![("content-type", "application/json".to_owned())], text),
            Self::Empty => (Vec::new(), String::new()),
        }
    }
}

/// For a query value: everything but unreserved characters and `/` is encoded.
fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                out.push(byte.into());
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

fn reason(status: u16) -> &'static str {
    pingora::http::StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or("Unknown")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANNER: Manner = Manner {
        request: RequestId::from_bits(7),
        page: false,
        keep_alive: true,
        head_only: false,
    };

    fn site() -> PublicSite {
        PublicSite::new("arca.test", "https://arca.test".parse().unwrap()).unwrap()
    }

    fn text(answer: &Answer) -> String {
        String::from_utf8(answer.bytes()).unwrap()
    }

    #[test]
    fn programs_get_json_and_people_get_a_page() {
        let json = text(&Answer::refused(Refused::UnknownHost, &site(), MANNER));
        assert!(json.starts_with("HTTP/1.1 421 Misdirected Request\r\n"), "{json}");
        assert!(json.ends_with(r#"A workspace that was cancelled is gone from here too."}}"#));
        let manner = Manner { page: true, ..MANNER };
        let page = text(&Answer::refused(Refused::UnknownHost, &site(), manner));
        assert!(page.starts_with("HTTP/1.1 404 Not Found\r\n"), "{page}");
        assert!(page.contains("content-security-policy: default-src 'none'"), "{page}");
        assert!(page.contains("00000000000000000000000000000007"), "{page}");
    }

    #[test]
    fn a_head_request_gets_the_length_and_no_body() {
        let manner = Manner { head_only: true, ..MANNER };
        let answer = text(&Answer::unauthorized(manner));
        assert!(answer.ends_with("\r\n\r\n"), "{answer}");
        assert!(!answer.contains("content-length: 0"), "{answer}");
    }

    #[test]
    fn sign_in_comes_back_to_where_it_began_and_to_no_other_host() {
        let check = |target: &str, expected: &str| {
            let answer = text(&Answer::sign_in(target, MANNER));
            assert!(answer.contains(&format!("location: {expected}\r\n")), "{answer}");
        };
        check("/chat?a=b&c", "/auth/login?return=/chat%3Fa%3Db%26c");
        check("//evil.test", "/auth/login?return=/");
        check("/\\evil.test", "/auth/login?return=/");
    }

    #[test]
    fn the_bounce_page_cannot_be_broken_out_of() {
        let page = text(&Answer::bounce("/a\"><script>x</script>", MANNER));
        assert!(!page.contains("<script>"), "{page}");
        assert!(page.contains("0;url=/a&quot;&gt;&lt;script&gt;"), "{page}");
    }
}
