//! What every answer of the site leaves with: its guards, and a page for people.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

use super::language::{self, Language};
use super::page::{self, Frame, Message};
use super::words::error::ErrorText;
use crate::app::{App, SharedApp};
use crate::http::{Problem, RequestContext};

/// Of an answer whose form may lead to a domain of a customer's own: its origin.
#[derive(Debug, Clone)]
pub(super) struct FormTarget(pub(super) String);

pub(super) async fn layer(State(app): State<SharedApp>, request: Request, next: Next) -> Response {
    let context = request.extensions().get::<RequestContext>().copied();
    let language = language::of(request.headers());
    let mut response = next.run(request).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>()
        && let Some(context) = context.filter(|context| context.wants_page)
    {
        response = to_page(&app, &problem, context, language, response.headers());
    }
    let target = response.extensions_mut().remove::<FormTarget>();
    let csp = policy(&app, target.as_ref().map_or("", |target| &target.0));
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, csp),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            HeaderValue::from_static("same-origin"),
        ),
    ] {
        response.headers_mut().insert(name, value);
    }
    // Not "no-referrer": with it, browsers hide the origin of our own forms from us.
    let same_origin = HeaderValue::from_static("same-origin");
    response.headers_mut().entry(header::REFERRER_POLICY).or_insert(same_origin);
    response
}

/// Nothing but our own stylesheets, scripts and pictures, and nothing in the page.
///
/// Browsers apply `form-action` to where a form is redirected as well: signing in
/// leads to a workspace, an order to Stripe.
fn policy(app: &App, target: &str) -> HeaderValue {
    let site = app.site.site_url();
    let workspaces = &app.workspace_origins;
    let payment = app.billing.as_ref().map_or("", |billing| billing.stripe.pages.as_str());
    let policy = format!(
        "default-src 'none'; style-src {site}; script-src {site}; img-src {site}; font-src {site}; \
         connect-src 'self'; form-action 'self' {site} {workspaces} {payment} {target}; \
         base-uri 'none'; frame-ancestors 'none'"
    );
    HeaderValue::try_from(policy).expect("origins are plain ASCII")
}

/// `headers` are those of the answer that the page replaces.
fn to_page(
    app: &App,
    problem: &Problem,
    context: RequestContext,
    language: Language,
    headers: &HeaderMap,
) -> Response {
    let words = ErrorText::of(language);
    let title = match problem.status {
        StatusCode::NOT_FOUND => words.nothing_here,
        StatusCode::MISDIRECTED_REQUEST => words.not_ours,
        StatusCode::TOO_MANY_REQUESTS => words.wait,
        status if status.is_server_error() => words.failed,
        _ => words.refused,
    };
    let frame = Frame::in_language(app, language);
    let link = format!("{}/", frame.site_url);
    let text = match language {
        Language::English => &problem.message,
        Language::German => problem.german.unwrap_or(&problem.message),
    };
    let request = problem.status.is_server_error().then_some(context.request);
    let link_text = words.to_start;
    let message = Message { frame, title, text, link: &link, link_text, request };
    let mut page = page::answer(problem.status, &message);
    for name in [header::RETRY_AFTER, header::ALLOW] {
        if let Some(value) = headers.get(&name) {
            page.headers_mut().insert(name, value.clone());
        }
    }
    page
}
