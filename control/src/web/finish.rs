//! What every answer of the site leaves with: its guards, and a page for people.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

use super::page::{self, Frame, Message};
use crate::app::{App, SharedApp};
use crate::http::{Problem, Visitor};

pub(super) async fn layer(State(app): State<SharedApp>, request: Request, next: Next) -> Response {
    let visitor = request.extensions().get::<Visitor>().copied();
    let mut response = next.run(request).await;
    let wants_page = visitor.is_some_and(|visitor| visitor.wants_page);
    if let Some(problem) = response.extensions_mut().remove::<Problem>()
        && wants_page
    {
        response = to_page(&app, &problem, response.headers());
    }
    let csp = policy(&app);
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, csp),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        // Not "no-referrer": with it, browsers hide the origin of our own forms from us.
        (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            HeaderValue::from_static("same-origin"),
        ),
    ] {
        response.headers_mut().insert(name, value);
    }
    response
}

/// Nothing but our own stylesheet and pictures; no script at all.
///
/// Browsers apply `form-action` to where a form is redirected as well: signing in
/// leads to a workspace, buying to Stripe.
fn policy(app: &App) -> HeaderValue {
    let site = app.site.site_url();
    let workspaces = &app.workspace_origins;
    let payment = app.till.as_ref().map_or("", |till| till.pages.as_str());
    let policy = format!(
        "default-src 'none'; style-src {site}; img-src {site}; \
         form-action 'self' {site} {workspaces} {payment}; base-uri 'none'; frame-ancestors 'none'"
    );
    HeaderValue::try_from(policy).expect("origins are plain ASCII")
}

/// `headers` are those of the answer that the page replaces.
fn to_page(app: &App, problem: &Problem, headers: &HeaderMap) -> Response {
    let title = match problem.status {
        StatusCode::NOT_FOUND => "Nothing here",
        StatusCode::MISDIRECTED_REQUEST => "Not one of ours",
        StatusCode::TOO_MANY_REQUESTS => "Please wait a while",
        status if status.is_server_error() => "That did not work",
        _ => "That cannot be done",
    };
    let frame = Frame::new(app);
    let link = format!("{}/", frame.site_url);
    let text = &problem.message;
    let message = Message { frame, title, text, link: &link, link_text: "To the start page" };
    let mut page = page::answer(problem.status, &message);
    for name in [header::RETRY_AFTER, header::ALLOW] {
        if let Some(value) = headers.get(&name) {
            page.headers_mut().insert(name, value.clone());
        }
    }
    page
}
