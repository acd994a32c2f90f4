//! A head that is too large, mostly by cookies, else by its target: nothing of it is believed,
//! but a person who looks at the answer must find a way out.

use memchr::memmem;
use shared::PublicSite;
use shared::cookies;
use shared::navigation::page_language;

use super::decision::CLEAR_COOKIES_PATH;
use crate::head::HeadError;
use crate::limits::MAX_HEAD_BYTES;
use crate::respond::{Refusal, Response, ResponseOptions};

/// What is needed of a head that may not even be whole.
pub(super) struct Overlong<'a> {
    method: &'a str,
    path: &'a str,
    line_bytes: usize,
    headers: Vec<(&'a str, &'a [u8])>,
}

impl<'a> Overlong<'a> {
    /// Of `bytes`, as many of a head as were read. What is not understood is passed over.
    pub(super) fn read(bytes: &'a [u8]) -> Self {
        let mut lines = Lines(bytes);
        let line = lines.next().unwrap_or_default();
        let (line_bytes, line) = (line.len(), std::str::from_utf8(line).ok());
        let mut words = line.unwrap_or_default().split(' ');
        let method = words.next().unwrap_or_default();
        let path = words.next().unwrap_or_default().split('?').next().unwrap_or_default();
        let headers = lines.filter_map(|line| {
            let at = line.iter().position(|byte| *byte == b':')?;
            Some((std::str::from_utf8(&line[..at]).ok()?, line[at + 1..].trim_ascii()))
        });
        Self { method, path, line_bytes, headers: headers.collect() }
    }

    /// The request line alone leaves too little room, whatever follows it.
    pub(super) fn error(&self) -> HeadError {
        let has_room = self.line_bytes < MAX_HEAD_BYTES / 2;
        if has_room { HeadError::TooLarge } else { HeadError::LongTarget }
    }

    /// `options` are those of an answer to whoever cannot be told more of.
    pub(super) fn answer(
        &self,
        site: &PublicSite,
        is_ours: impl FnOnce(&str) -> bool,
        options: ResponseOptions,
    ) -> Response {
        let options = ResponseOptions { head_only: self.method == "HEAD", ..options };
        let is_ours = self.text("host").is_some_and(is_ours);
        if is_ours && self.clears_cookies() {
            let names = cookie_names(self.lines("cookie"));
            return Response::cookies_cleared(names, site, options);
        }
        let page = page_language(self.method, |name| self.text(name)).filter(|_| is_ours);
        match (self.error(), page) {
            (HeadError::LongTarget, page) => {
                Response::refused(Refusal::LongTarget, site, ResponseOptions { page, ..options })
            }
            (_, Some(language)) => Response::too_many_cookies(language, options),
            (error, None) => Response::malformed(error, options.request),
        }
    }

    fn clears_cookies(&self) -> bool {
        let text = |name: &str| self.text(name);
        self.path == CLEAR_COOKIES_PATH
            && self.method == "POST"
            && is_same_origin(text("host").unwrap_or_default(), text)
    }

    fn lines(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.headers
            .iter()
            .filter(move |(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| *value)
    }

    fn text(&self, name: &str) -> Option<&'a str> {
        self.lines(name).next().and_then(|value| std::str::from_utf8(value).ok())
    }
}

/// Does the request come from a page of the host that it is for?
pub(super) fn is_same_origin<'a>(host: &str, header: impl Fn(&str) -> Option<&'a str>) -> bool {
    match header("sec-fetch-site") {
        Some(site) => site == "same-origin",
        None => header("origin")
            .and_then(|origin| origin.split_once("://"))
            .is_some_and(|(_, from)| from.eq_ignore_ascii_case(host)),
    }
}

/// The names of all cookies, each as often as it comes.
pub(super) fn cookie_names<'a>(
    lines: impl Iterator<Item = &'a [u8]>,
) -> impl Iterator<Item = &'a str> {
    lines.flat_map(cookies::pairs).filter_map(|pair| {
        let end = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
        std::str::from_utf8(pair[..end].trim_ascii()).ok()
    })
}

/// Up to the empty line, or as many as there are; the last may be cut off.
struct Lines<'a>(&'a [u8]);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let end = memmem::find(self.0, b"\r\n").unwrap_or(self.0.len());
        let (line, rest) = self.0.split_at(end);
        self.0 = rest.get(2..).unwrap_or_default();
        (!line.is_empty()).then_some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::random_request_id;
    use proptest::prelude::*;
    use shared::Host;

    fn answer(start: &str, lines: &str) -> String {
        let big = (0..40).map(|number| format!("c{number}={}; ", "x".repeat(1_000)));
        let text = format!(
            "{start}\r\nHost: ada.arca.test\r\nCookie: {}\r\nCookie: __Host-a=b; th\u{e9}=1\r\n\
             {lines}\r\n",
            big.collect::<String>()
        );
        of_bytes(text.as_bytes())
    }

    fn of_bytes(bytes: &[u8]) -> String {
        let site = PublicSite::new("arca.test", "https://arca.test".parse().unwrap()).unwrap();
        let options = ResponseOptions {
            request: random_request_id(),
            page: None,
            keep_alive: false,
            head_only: false,
        };
        String::from_utf8(
            Overlong::read(bytes)
                .answer(&site, |host| site.classify(host) != Host::Unknown, options)
                .bytes(None),
        )
        .unwrap()
    }

    #[test]
    fn who_navigates_is_shown_the_way_out() {
        // Some clients say what they want only behind their cookies.
        let page = answer("GET /x HTTP/1.1", "Accept: text/html\r\n");
        assert!(page.starts_with("HTTP/1.1 431") && page.contains("text/html"), "{page}");
        assert!(page.contains("action=\"/auth/clear-cookies\""), "{page}");
        assert!(page.contains("form-action 'self'"), "{page}");
        let lines = "Accept: text/html\r\nAccept-Language: de-AT,de;q=0.9\r\n";
        let page = answer("GET /x HTTP/1.1", lines);
        assert!(page.contains("lang=\"de\"") && page.contains("Cookies löschen"), "{page}");
        let json = answer("GET /x HTTP/1.1", "Accept: application/json\r\n");
        assert!(json.starts_with("HTTP/1.1 431") && json.contains("malformed_request"), "{json}");
    }

    #[test]
    fn a_long_target_is_not_blamed_on_cookies() {
        let target = format!("GET /?q={} HTTP/1.1", "x".repeat(33_000));
        for (lines, expected) in [
            ("Accept: text/html\r\n", "That address is too long"),
            ("Accept: text/html\r\nAccept-Language: de\r\n", "Diese Adresse ist zu lang"),
            ("", "long_target"),
        ] {
            let answer = answer(&target, lines);
            assert!(answer.starts_with("HTTP/1.1 414") && answer.contains(expected), "{answer}");
            assert!(!answer.contains("clear-cookies"), "{answer}");
        }
        // Also when it is all that has come.
        assert!(of_bytes(target.as_bytes()).starts_with("HTTP/1.1 414"));
    }

    #[test]
    fn the_way_out_clears_every_cookie_also_of_the_domain_above() {
        let cleared =
            answer("POST /auth/clear-cookies HTTP/1.1", "Sec-Fetch-Site: same-origin\r\n");
        assert!(cleared.starts_with("HTTP/1.1 303"), "{cleared}");
        for line in [
            "clear-site-data: \"cookies\"",
            "set-cookie: c39=; Max-Age=0; Path=/; Secure",
            "set-cookie: c39=; Max-Age=0; Path=/; Secure; Domain=arca.test",
            "set-cookie: __Host-a=; Max-Age=0; Path=/; Secure",
            "location: /",
        ] {
            assert!(cleared.contains(&format!("\r\n{line}\r\n")), "{line} not in {cleared}");
        }
        assert!(!cleared.contains("__Host-a=; Max-Age=0; Path=/; Secure; Domain"), "{cleared}");
        for (start, lines) in [
            ("POST /auth/clear-cookies HTTP/1.1", "Origin: https://evil.test\r\n"),
            ("POST /auth/clear-cookies HTTP/1.1", "Sec-Fetch-Site: same-site\r\n"),
            ("POST /auth/clear-cookies HTTP/1.1", ""),
            ("GET /auth/clear-cookies HTTP/1.1", "Sec-Fetch-Site: same-origin\r\n"),
        ] {
            assert!(answer(start, lines).starts_with("HTTP/1.1 431"), "{start} {lines}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            of_bytes(&bytes);
            of_bytes(&[b"GET / HTTP/1.1\r\n", &bytes[..]].concat());
        }
    }
}
