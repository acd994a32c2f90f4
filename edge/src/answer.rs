//! The edge's own answers: a page for somebody who navigates, JSON for the rest.

use std::io::Write as _;

use shared::request_id::REQUEST_ID_HEADER;
use shared::wire::ErrorBody;
use shared::{PublicSite, RequestId, ReturnPath, Session, Username};

use crate::decision::Refused;
use crate::head::Refusal;
use crate::pages;

/// A whole answer. Written as bytes by the front door, through pingora by the proxy.
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

    pub fn session_info(username: &Username, session: Option<&Session>, manner: Manner) -> Self {
        let body = match session {
            Some(session) => serde_json::json!({
                "signed_in": true, "username": username, "expires_at": session.expires,
            }),
            None => serde_json::json!({ "signed_in": false }),
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

/// What an answer says to a program and to a person.
pub struct Words {
    pub status: u16,
    pub code: &'static str,
    pub title: &'static str,
    pub message: &'static str,
    /// Seconds.
    pub retry_after: Option<u32>,
    pub action: Option<Action>,
}

/// What a person can do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The page asks again by itself.
    Wait,
    /// To the account, where a payment is put right.
    Account,
    /// To the site.
    Site,
}

impl Words {
    pub const fn of(refused: Refused) -> Self {
        use Action::{Account, Site, Wait};
        let (status, code, title, message, retry_after, action) = match refused {
            Refused::UnknownHost | Refused::UnknownWorkspace => (
                404,
                "unknown_workspace",
                "There is no workspace here",
                "Check the address. A workspace that was cancelled is gone from here too.",
                None,
                Some(Site),
            ),
            Refused::Preparing => (
                503,
                "preparing",
                "Your workspace is being prepared",
                "This takes a few seconds. The page opens it by itself.",
                Some(2),
                Some(Wait),
            ),
            Refused::Suspended => (
                402,
                "suspended",
                "This workspace is paused",
                "The last payment did not arrive. Your data is kept; it opens again when the payment is put right.",
                None,
                Some(Account),
            ),
            Refused::WorkspaceLocked => (
                403,
                "locked",
                "This workspace is locked",
                "Access was closed for now. Write to us if you did not expect that.",
                None,
                Some(Site),
            ),
            Refused::ForeignOrigin => (
                403,
                "foreign_origin",
                "That did not come from this workspace",
                "Only pages of this workspace may connect to it.",
                None,
                None,
            ),
            Refused::ServiceWorker => (
                403,
                "service_worker_refused",
                "Service workers are not served here",
                "A workspace cannot install a service worker.",
                None,
                None,
            ),
            Refused::MethodNotAllowed => (
                405,
                "method_not_allowed",
                "That method is not available",
                "CONNECT and TRACE are not available here.",
                None,
                None,
            ),
            Refused::TooManyRequests => (
                429,
                "too_many_requests",
                "Too many requests",
                "Please wait a moment. The page tries again by itself.",
                Some(2),
                Some(Wait),
            ),
            Refused::TooManyConnections => (
                429,
                "too_many_connections",
                "Too many connections",
                "Too many connections are open from your address. Close some and try again.",
                Some(5),
                None,
            ),
            Refused::BodyTooLarge => (
                413,
                "body_too_large",
                "That is too large",
                "The upload is larger than a workspace takes.",
                None,
                None,
            ),
            Refused::SpriteUnreachable => (
                502,
                "workspace_unreachable",
                "Your workspace did not answer",
                "Nothing is lost. The page tries again by itself.",
                Some(3),
                Some(Wait),
            ),
            Refused::SpriteTimeout => (
                504,
                "workspace_timeout",
                "Your workspace took too long",
                "Nothing is lost. The page tries again by itself.",
                Some(3),
                Some(Wait),
            ),
            Refused::SpriteRefusedUpgrade => (
                502,
                "upgrade_refused",
                "The connection was not taken",
                "The workspace did not open a live connection.",
                Some(3),
                None,
            ),
            Refused::SiteUnreachable => (
                503,
                "site_unreachable",
                "The site is away for a moment",
                "Open workspaces go on working. The page tries again by itself.",
                Some(3),
                Some(Wait),
            ),
            Refused::NotReady => (
                503,
                "not_ready",
                "Just a moment",
                "We are starting. The page tries again by itself.",
                Some(2),
                Some(Wait),
            ),
        };
        Self { status, code, title, message, retry_after, action }
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
