//! The language of a page: the one that somebody chose, else the first of their browser's that
//! there is a table for, else English. Every page is there in each of them.

use axum::http::HeaderMap;

use super::cookies;
pub(super) use crate::base::language::Language;
use crate::http::RequestContext;
use crate::http::request_context::text;

pub(super) fn of(headers: &HeaderMap) -> Language {
    asked(headers).unwrap_or(Language::English)
}

/// The one that is asked for; `None` where none is that there is a table for.
pub(super) fn asked(headers: &HeaderMap) -> Option<Language> {
    let chosen = cookies::read(headers, cookies::LANGUAGE).and_then(Language::parse);
    chosen.or_else(|| text(headers, "accept-language").and_then(Language::accepted))
}

/// Before a language that somebody chooses, and the page that they do it on.
pub(super) const CHOICE: &str = "/language/";

/// Keeps this language and leads back to `page`, a path with its query.
pub(super) fn choice_url(site_url: &str, to: Language, page: &str) -> String {
    format!("{site_url}{CHOICE}{}{page}", to.tag())
}

/// Of an answer that programs may get as well: they get English.
pub(super) fn answering(context: RequestContext, headers: &HeaderMap) -> Language {
    if context.wants_page { of(headers) } else { Language::English }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderValue, header};

    use super::Language::{English, German};
    use super::*;

    #[test]
    fn what_somebody_chose_comes_first_if_it_is_a_language() {
        let check = |accept: &str, chosen: &str, expected| {
            let cookie = format!("{}={chosen}", cookies::LANGUAGE);
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_str(accept).unwrap());
            headers.insert(header::COOKIE, HeaderValue::from_str(&cookie).unwrap());
            assert_eq!(of(&headers), expected, "{accept} {chosen}");
        };
        check("de", "en", English);
        check("en", "de", German);
        check("de", "xx", German);
        check("fr", "", English);
    }
}
