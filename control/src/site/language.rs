//! The language of a page: the one that somebody chose, else the first of their browser's that
//! there is a table for, else English. Every page is there in each of them.

use axum::http::HeaderMap;

use super::cookies;
pub(super) use crate::base::language::Language;
use crate::http::RequestContext;
use crate::http::request_context::text;

/// Of a browser's list; people have three.
const ASKED_MAX: usize = 20;

impl Language {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        Self::asked(headers).unwrap_or(Self::English)
    }

    /// The one that is asked for; `None` where none is that there is a table for.
    pub(super) fn asked(headers: &HeaderMap) -> Option<Self> {
        let chosen = cookies::read(headers, cookies::LANGUAGE).and_then(Self::parse);
        chosen.or_else(|| text(headers, "accept-language").and_then(first_known))
    }

    /// Of an answer that programs may get as well: they get English.
    pub(super) fn answering(context: RequestContext, headers: &HeaderMap) -> Self {
        if context.wants_page { Self::of(headers) } else { Self::English }
    }
}

/// By the weights of `de-AT, de;q=0.9, en;q=0.8`; of equal ones the first.
fn first_known(asked: &str) -> Option<Language> {
    let mut best: Option<(f32, Language)> = None;
    for range in asked.split(',').take(ASKED_MAX) {
        let (tag, parameters) = range.split_once(';').unwrap_or((range, ""));
        let weight = parameters.trim().strip_prefix("q=");
        let weight = weight.map_or(1.0, |weight| weight.parse().unwrap_or(0.0));
        let Some(language) = Language::parse(tag.trim()) else { continue };
        if weight > best.map_or(0.0, |(heaviest, _)| heaviest) {
            best = Some((weight, language));
        }
    }
    best.map(|(_, language)| language)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderValue, header};

    use super::Language::{English, German};
    use super::*;

    fn of(accept: &str, cookie: &str) -> Language {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_str(accept).unwrap());
        headers.insert(header::COOKIE, HeaderValue::from_str(cookie).unwrap());
        Language::of(&headers)
    }

    #[test]
    fn the_heaviest_language_that_is_spoken_here_is_taken() {
        for (accept, expected) in [
            ("de", German),
            ("de-AT,de;q=0.9,en;q=0.8", German),
            ("en-US,en;q=0.9,de;q=0.8", English),
            ("en;q=0.5, de;q=0.7", German),
            ("fr, de;q=0.3", German),
            ("DE", German),
            ("fr", English),
            ("de;q=0, en;q=0.1", English),
            ("de;q=x", English),
            ("deutsch", English),
            ("*", English),
            ("", English),
        ] {
            assert_eq!(of(accept, ""), expected, "{accept}");
        }
    }

    #[test]
    fn what_somebody_chose_comes_first_if_it_is_a_language() {
        let cookie = |value: &str| format!("{}={value}", cookies::LANGUAGE);
        assert_eq!(of("de", &cookie("en")), English);
        assert_eq!(of("en", &cookie("de")), German);
        assert_eq!(of("de", &cookie("xx")), German);
    }
}
