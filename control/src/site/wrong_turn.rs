//! Addresses that nothing is at for a browser that goes there, and where it meant to go.

use axum::Extension;
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use shared::return_path::is_local;

use super::page::see_other;
use crate::http::{RequestContext, problem};

/// An address that only forms are sent to stays in the address bar when one is refused: who
/// opens it once more gets the page with the form.
pub(super) async fn wrong_method(
    Extension(context): Extension<RequestContext>,
    method: Method,
    uri: Uri,
) -> Response {
    let is_visit = context.wants_page && matches!(method, Method::GET | Method::HEAD);
    match page_of_form(uri.path()).filter(|_| is_visit) {
        Some(page) => see_other(page),
        None => problem::wrong_method().await.into_response(),
    }
}

fn page_of_form(path: &str) -> Option<&'static str> {
    match path {
        "/api/checkout" | "/auth/logout" => Some("/"),
        path if path.starts_with("/account/") => Some("/account"),
        _ => None,
    }
}

/// No page of ours but the start page ends with a slash.
pub(super) async fn unknown(uri: Uri) -> Response {
    let location = without_slash(&uri).and_then(|location| HeaderValue::try_from(location).ok());
    match location {
        Some(location) => {
            (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, location)]).into_response()
        }
        None => problem::nothing_here().into_response(),
    }
}

fn without_slash(uri: &Uri) -> Option<String> {
    let path = uri.path();
    let shorter = path.trim_end_matches('/');
    if shorter == path || !is_local(shorter) {
        return None;
    }
    Some(uri.query().map_or_else(|| shorter.to_owned(), |query| format!("{shorter}?{query}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_too_many_is_left_out_and_leads_to_no_other_host() {
        let check = |uri: &str, expected: Option<&str>| {
            assert_eq!(without_slash(&uri.parse().unwrap()).as_deref(), expected, "{uri}");
        };
        check("/login/", Some("/login"));
        check("/welcome//?session_id=a/", Some("/welcome?session_id=a/"));
        check("/login", None);
        check("/", None);
        check("//", None);
        check("//evil.test/", None);
        check("/\\evil.test/", None);
    }
}
