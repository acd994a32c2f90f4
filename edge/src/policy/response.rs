//! The headers of an answer that go back to a browser.
//!
//! A sprite runs what its customer, or a stranger in the chat, had it install. So
//! it speaks for its own workspace only: nothing of what it says outlives the page
//! on this origin, reaches another host, or commands a proxy in front of us.

use std::cell::Cell;
use std::time::{Duration, SystemTime};

use httparse::Header;
use shared::process::time::unix_seconds;
use shared::request_id::REQUEST_ID_HEADER;
use shared::{Host, PublicSite, Username};

use super::cookies;
use super::links::{self, Form, without_port};
use super::names::{Name, is_for_one_hop};

/// Who has answered, as far as it is believed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Speaker<'a> {
    /// Control: may say everything but what concerns one connection.
    Site,
    Sprite {
        site: &'a PublicSite,
        username: Username,
        /// As the sprite was addressed, with a port where there is one.
        authority: &'a str,
    },
}

/// Writes the headers that pass and that are no matter of one connection.
#[derive(Debug)]
pub(crate) struct ResponseHeaders<'a> {
    speaker: Speaker<'a>,
    has_date: bool,
}

impl<'a> ResponseHeaders<'a> {
    pub(crate) fn new(speaker: Speaker<'a>) -> Self {
        Self { speaker, has_date: false }
    }

    /// Appends `header`, or what may pass of it.
    pub(crate) fn append(&mut self, header: &Header<'_>, out: &mut Vec<u8>) {
        let Header { name, value } = *header;
        let fate = fate(name);
        let Speaker::Sprite { site, username, authority } = self.speaker else {
            self.has_date |= fate == Fate::Date;
            if !matches!(fate, Fate::OneHop | Fate::EdgeOnly) {
                append(name, value, out);
            }
            return;
        };
        match fate {
            Fate::Keep => append(name, value, out),
            Fate::Date if self.has_date => {}
            Fate::Date => {
                self.has_date = true;
                append(name, value, out);
            }
            Fate::OneHop | Fate::SiteOnly | Fate::EdgeOnly => {}
            Fate::SetCookie => {
                let before = out.len();
                out.extend_from_slice(b"set-cookie: ");
                let is_own = |domain: &str| {
                    site.classify(domain) == Host::Workspace(username)
                        || domain.eq_ignore_ascii_case(without_port(authority))
                };
                if cookies::append_sprites(value, is_own, out) {
                    out.extend_from_slice(b"\r\n");
                } else {
                    out.truncate(before);
                }
            }
            Fate::Links(form) => {
                out.extend_from_slice(name.as_bytes());
                out.extend_from_slice(b": ");
                links::append(form, value, authority, out);
                out.extend_from_slice(b"\r\n");
            }
        }
    }

    /// Appends what was missing.
    pub(crate) fn finish(self, out: &mut Vec<u8>) {
        if !self.has_date {
            append("date", &present_date(), out);
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Keep,
    Date,
    /// Written anew, or not at all.
    OneHop,
    /// No sprite may say it.
    SiteOnly,
    /// Not even control may say it.
    EdgeOnly,
    SetCookie,
    /// May lead to the machine, of which the browser knows nothing.
    Links(Form),
}

fn fate(name: &str) -> Fate {
    let folded = Name::new(name);
    match fate_of_folded(folded.bytes()) {
        Fate::Keep => Fate::Keep,
        // Nothing that a browser reads, but a proxy in front of us may.
        _ if folded.is_odd() => Fate::OneHop,
        fate => fate,
    }
}

fn fate_of_folded(name: &[u8]) -> Fate {
    debug_assert_eq!(REQUEST_ID_HEADER, "x-request-id");
    match name {
        b"date" => Fate::Date,
        b"set-cookie" => Fate::SetCookie,
        b"location" | b"content-location" | b"sourcemap" => Fate::Links(Form::Url),
        b"refresh" => Fate::Links(Form::Refresh),
        b"link" => Fate::Links(Form::List),
        b"x-request-id" | b"service-worker-allowed" => Fate::OneHop,
        // What a browser would keep for the whole origin, or for the domain.
        b"accept-ch"
        | b"accept-ch-lifetime"
        | b"activate-storage-access"
        | b"alt-svc"
        | b"clear-site-data"
        | b"critical-ch"
        | b"expect-ct"
        | b"nel"
        | b"origin-agent-cluster"
        | b"public-key-pins"
        | b"public-key-pins-report-only"
        | b"report-to"
        | b"reporting-endpoints"
        | b"sec-session-challenge"
        | b"sec-session-registration"
        | b"set-cookie2"
        | b"set-login" => Fate::SiteOnly,
        // The edge alone knows whether it speaks TLS, and for how long it will.
        b"strict-transport-security" => Fate::EdgeOnly,
        // What a proxy or a cache in front of us would obey.
        b"cdn-cache-control"
        | b"cloudflare-cdn-cache-control"
        | b"edge-control"
        | b"surrogate-control"
        | b"surrogate-key"
        | b"x-lighttpd-send-file"
        | b"x-reproxy-url"
        | b"x-send-file"
        | b"x-sendfile"
        | b"x-sendfile2" => Fate::SiteOnly,
        _ if is_for_one_hop(name) => Fate::OneHop,
        _ if name.starts_with(b"x-arca")
            || name.starts_with(b"x-accel-")
            || name.starts_with(b"x-litespeed-") =>
        {
            Fate::SiteOnly
        }
        _ => Fate::Keep,
    }
}

fn append(name: &str, value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

const DATE_BYTES: usize = "Mon, 01 Jan 2024 00:00:00 GMT".len();

/// The present second, as `Date` has it (RFC 9110, 6.6.1). Written once a second.
pub(crate) fn present_date() -> [u8; DATE_BYTES] {
    thread_local! {
        static WRITTEN: Cell<(u64, [u8; DATE_BYTES])> = const { Cell::new((0, [0; DATE_BYTES])) };
    }
    let now = unix_seconds();
    let (second, date) = WRITTEN.get();
    if second == now {
        return date;
    }
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(now);
    let text = httpdate::fmt_http_date(time);
    let date = text.as_bytes().try_into().expect("a date has one length until the year 9999");
    WRITTEN.set((now, date));
    date
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed_from_sprite(lines: &[(&str, &str)]) -> String {
        let site = PublicSite::new("arca.test", "https://arca.test".parse().unwrap()).unwrap();
        let username = "ada".parse().unwrap();
        passed(Speaker::Sprite { site: &site, username, authority: "sprite.test:8080" }, lines)
    }

    fn passed(speaker: Speaker<'_>, lines: &[(&str, &str)]) -> String {
        let mut out = Vec::new();
        let mut headers = ResponseHeaders::new(speaker);
        for (name, value) in lines {
            headers.append(&Header { name, value: value.as_bytes() }, &mut out);
        }
        headers.finish(&mut out);
        String::from_utf8(out).unwrap()
    }

    const DATE: (&str, &str) = ("Date", "Mon, 01 Jan 2024 00:00:00 GMT");

    fn check(name: &str, value: &str, expected: &str) {
        let date = "Date: Mon, 01 Jan 2024 00:00:00 GMT\r\n";
        assert_eq!(
            passed_from_sprite(&[DATE, (name, value)]),
            format!("{date}{expected}"),
            "{name}: {value}"
        );
    }

    #[test]
    fn what_outlives_the_page_or_commands_a_proxy_stays_behind() {
        for name in [
            "Strict-Transport-Security",
            "Alt-Svc",
            "NEL",
            "Report-To",
            "Reporting-Endpoints",
            "Clear-Site-Data",
            "X-Accel-Redirect",
            "x-accel-buffering",
            "X-Sendfile",
            "Accept-CH",
            "Service-Worker-Allowed",
            "X-Arca-Identity",
            "X_Accel_Redirect",
            "Transfer-Encoding",
            "Content-Length",
            "Connection",
            "Keep-Alive",
            "Trailer",
            "Proxy-Authenticate",
            "X-Request-Id",
            "Set-Cookie2",
        ] {
            check(name, "value", "");
        }
        check("X-Own", "value", "X-Own: value\r\n");
        check("Content-Security-Policy", "value", "Content-Security-Policy: value\r\n");
    }

    #[test]
    fn control_may_say_it() {
        let seen = passed(Speaker::Site, &[DATE, ("Clear-Site-Data", "\"cookies\""), ("TE", "x")]);
        assert!(seen.ends_with("Clear-Site-Data: \"cookies\"\r\n"), "{seen}");
    }

    #[test]
    fn a_location_of_the_machine_becomes_a_path() {
        let check = |value: &str, expected: &str| {
            check("Location", value, &format!("Location: {expected}\r\n"));
        };
        check("http://sprite.test:8080/next?x#y", "/next?x#y");
        check("HTTPS://Sprite.test:8080", "/");
        check("//sprite.test:8080/next", "/next");
        check("http://sprite.test/next", "/next");
        check("http://sprite.test:8080?x", "/?x");
        check("http://sprite.test:8080//evil.test/", "/.//evil.test/");
        check("http://sprite.test:8080/\\evil.test/", "/./\\evil.test/");
        for kept in [
            "/next",
            "next",
            "http://other.test/",
            "http://sprite.test:9/",
            "http://sprite.test:8080@evil.test/",
            "ftp://sprite.test:8080/",
            "/x?to=http://sprite.test:8080/",
        ] {
            check(kept, kept);
        }
    }

    #[test]
    fn no_header_leads_to_the_machine() {
        check("Content-Location", "http://sprite.test:8080/a", "Content-Location: /a\r\n");
        check("SourceMap", "//sprite.test:8080/a.map", "SourceMap: /a.map\r\n");
        check("Refresh", "0; url=http://sprite.test/next", "Refresh: 0; url=/next\r\n");
        let links = "<http://sprite.test/a.css>; rel=preload, </b>";
        check("Link", links, "Link: </a.css>; rel=preload, </b>\r\n");
    }

    #[test]
    fn a_missing_date_is_added_and_one_that_is_there_is_kept() {
        let seen = passed_from_sprite(&[]);
        assert!(seen.starts_with("date: ") && seen.ends_with(" GMT\r\n"), "{seen}");
        assert_eq!(passed_from_sprite(&[DATE, DATE]).matches("Date").count(), 1);
    }

    #[test]
    fn cookies_are_filtered() {
        check("Set-Cookie", "a=b; Domain=", "set-cookie: a=b\r\n");
        check("Set-Cookie", "a=b; Domain=.ada.arca.test", "set-cookie: a=b\r\n");
        check("Set-Cookie", "a=b; Domain=grace.arca.test", "");
        check("Set-Cookie", "=__Host-arca_session=x", "");
    }
}
