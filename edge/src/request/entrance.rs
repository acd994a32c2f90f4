//! By which kind of listener a connection comes, and what that means for it.

use std::sync::Arc;

use shared::{Host, PublicSite};

use crate::domains::Domains;
use crate::head::{Head, HeadError, NO_HEADERS};
use crate::respond::{Refusal, Response, ResponseOptions};
use crate::tls::{Challenges, TlsAcceptor};

#[derive(Clone)]
pub(crate) enum Entrance {
    /// Requests are answered as they come: whoever stands in front of us ends TLS.
    Plain,
    Tls(Arc<TlsAcceptor>),
    /// Nothing is answered here but where to go.
    ToHttps(Arc<HttpsRedirect>),
}

/// Sends every request to https, except those of a certificate authority.
pub(crate) struct HttpsRedirect {
    pub site: Arc<PublicSite>,
    pub challenges: Arc<Challenges>,
    pub domains: Arc<Domains>,
}

const CHALLENGE: &str = "/.well-known/acme-challenge/";

impl HttpsRedirect {
    /// # Errors
    /// When the head means nothing, or two things.
    pub(crate) async fn answer(
        &self,
        head: &[u8],
        options: ResponseOptions,
    ) -> Result<Response, HeadError> {
        let mut slots = NO_HEADERS;
        let head = Head::parse(head, &mut slots)?;
        let options = ResponseOptions { head_only: head.method == "HEAD", ..options };
        if let Some(token) = head.path().strip_prefix(CHALLENGE) {
            return Ok(match self.challenges.answer(token).await {
                Some(answer) => Response::challenge(answer, options),
                None => Response::refused(Refusal::UnknownHost, &self.site, options),
            });
        }
        let origin = match self.site.classify(head.host) {
            Host::Unknown => self
                .domains
                .find(head.host)
                .map(|served| self.site.origin_at(&served.username, Some(&served.domain))),
            ours => self.site.origin_of(&ours),
        };
        let Some(origin) = origin else {
            return Ok(Response::refused(Refusal::UnknownHost, &self.site, options));
        };
        Ok(Response::moved(format!("{origin}{}", head.target), options))
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use shared::Upstream;

    use super::*;
    use crate::observe::random_request_id;

    async fn answer(folder: Option<PathBuf>, request: &str) -> String {
        let site_url = Upstream::parse("https://arca.test").unwrap();
        let site = Arc::new(PublicSite::new("arca.test", site_url).unwrap());
        let options = ResponseOptions {
            request: random_request_id(),
            page: None,
            keep_alive: false,
            head_only: false,
        };
        let none = tempfile::tempdir().unwrap();
        let domains = Domains::open(none.path().join("domains"), None, Arc::default());
        let redirect = HttpsRedirect {
            site,
            challenges: Arc::new(Challenges::new(folder)),
            domains: Arc::new(domains),
        };
        let answer = redirect.answer(request.as_bytes(), options).await.unwrap();
        String::from_utf8(answer.bytes(None)).unwrap()
    }

    #[tokio::test]
    async fn our_hosts_are_sent_to_https_and_others_nowhere() {
        let check = async |host: &str, target: &str, expected: &str| {
            let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n");
            let answer = answer(None, &request).await;
            assert!(answer.contains(expected), "{host}{target}: {answer}");
        };
        check("arca.test", "/a?b=c", "308 Permanent").await;
        check("arca.test", "/a?b=c", "location: https://arca.test/a?b=c\r\n").await;
        check("ada.arca.test:80", "/", "location: https://ada.arca.test/\r\n").await;
        check("evil.test", "/", "HTTP/1.1 421").await;
    }

    #[tokio::test]
    async fn a_challenge_is_answered_from_its_folder_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("tok-en_1"), "tok-en_1.thumb").unwrap();
        std::fs::create_dir(folder.path().join("inner")).unwrap();
        let check = async |token: &str, expected: &str| {
            let request = format!("GET {CHALLENGE}{token} HTTP/1.1\r\nHost: whatever.test\r\n\r\n");
            let answer = answer(Some(folder.path().to_owned()), &request).await;
            assert!(answer.contains(expected), "{token}: {answer}");
        };
        check("tok-en_1", "tok-en_1.thumb").await;
        for stranger in ["other", "inner", "../tok-en_1", "%2e%2e/x", ""] {
            check(stranger, "HTTP/1.1 421").await;
        }
    }
}
