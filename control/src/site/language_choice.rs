//! `GET /language/de/login?workspace=ada`: keeps the language that somebody chose, and goes back to
//! where they were.
//!
//! The page stands behind the language as it is: escaped into a parameter, an address that holds
//! an escaped path itself would grow beyond what is read.

use std::time::Duration;

use axum::http::Uri;
use axum::http::uri::PathAndQuery;
use axum::response::Response;
use cookie::SameSite;
use shared::return_path::is_local;

use super::cookies;
use super::language::{CHOICE, Language};
use super::page::{add_cookie, see_other};

/// Until it is chosen otherwise.
const KEPT: Duration = Duration::from_secs(365 * 86_400);

/// One that is not spoken here changes nothing.
pub(super) async fn choose(uri: Uri) -> Response {
    let asked = uri.path_and_query().map_or("", PathAndQuery::as_str);
    let (to, page) = read(asked);
    let mut response = see_other(page);
    if let Some(language) = Language::parse(to) {
        add_cookie(
            &mut response,
            cookies::set(cookies::LANGUAGE, language.tag(), SameSite::Lax, KEPT),
        );
    }
    response
}

/// A language, and a page of this host: the start page for whatever cannot be trusted.
fn read(asked: &str) -> (&str, &str) {
    let asked = asked.strip_prefix(CHOICE).unwrap_or_default();
    let (to, page) = asked.split_at(asked.find('/').unwrap_or(asked.len()));
    (to, if is_local(page) { page } else { "/" })
}

#[cfg(test)]
mod tests {
    use super::super::language::choice_url;
    use super::*;

    #[test]
    fn a_choice_leads_back_to_its_page_and_nowhere_else() {
        let check = |page: &str, expected: &str| {
            let asked = choice_url("", Language::German, page);
            assert_eq!(read(&asked), ("de", expected), "{asked}");
        };
        check("/", "/");
        check("/login?return=%2Fx%3Fy&to=account", "/login?return=%2Fx%3Fy&to=account");
        let long = format!("/login?return={}", "%22".repeat(8_000));
        check(&long, &long);
        check("//evil.test", "/");
        check("/\\evil.test", "/");
        check("", "/");
    }
}
