//! The few pages that the edge shows by itself.
//!
//! One look, nothing loaded from anywhere: they must work when everything behind
//! the edge is away.

use std::sync::LazyLock;

use base64::Engine as _;
use sha2::{Digest as _, Sha256};
use shared::{Language, PublicSite, RequestId, ReturnPath};

use super::page_text::PageText;
use super::refusal::{Action, Refusal, Shape};
use super::{english, german};

const STYLE: &str = include_str!("pages.css");

/// The mark of the product, as on every other page of it.
const MARK: &str = "<svg viewBox=\"0 0 32 32\" width=\"28\" height=\"28\" aria-hidden=\"true\">\
<rect width=\"32\" height=\"32\" rx=\"9\" fill=\"#0f6b5c\"/><g fill=\"#fff\">\
<circle cx=\"9\" cy=\"23\" r=\"2\"/><circle cx=\"9\" cy=\"16.5\" r=\"2\"/>\
<circle cx=\"11.8\" cy=\"10.8\" r=\"2\"/><circle cx=\"16\" cy=\"8.8\" r=\"2\"/>\
<circle cx=\"20.2\" cy=\"10.8\" r=\"2\"/><circle cx=\"23\" cy=\"16.5\" r=\"2\"/>\
<circle cx=\"23\" cy=\"23\" r=\"2\"/></g><circle cx=\"16\" cy=\"18.5\" r=\"3.2\" fill=\"#ffd28a\"/></svg>";

/// Of the page that waits for a machine.
const WAKING: &str = include_str!("waking.js");

/// Allows the one style sheet that stands in the page, a form or the script that it has,
/// and nothing else.
pub(super) fn content_security_policy(page: &str) -> String {
    static STYLE_HASH: LazyLock<String> = LazyLock::new(|| hash(STYLE));
    static SCRIPT_HASH: LazyLock<String> = LazyLock::new(|| hash(WAKING));
    let form = if page.contains("<form") { "'self'" } else { "'none'" };
    // Whatever others have said is escaped: a tag is one of ours.
    let script = if page.contains("<script") {
        format!("script-src {}; connect-src 'self'; ", *SCRIPT_HASH)
    } else {
        String::new()
    };
    format!(
        "default-src 'none'; {script}style-src {}; base-uri 'none'; form-action {form}; \
         frame-ancestors 'none'",
        *STYLE_HASH
    )
}

fn hash(text: &str) -> String {
    let hash = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(text));
    format!("'sha256-{hash}'")
}

pub(super) fn refused(
    refusal: Refusal,
    language: Language,
    site: &PublicSite,
    request: RequestId,
) -> String {
    let (shape, text) = (Shape::of(refusal), of(language));
    let [title, message] = (text.refusal)(refusal);
    let refresh = match (shape.action, shape.retry_after) {
        (Some(Action::Wait), Some(seconds)) => {
            format!("<meta http-equiv=\"refresh\" content=\"{seconds}\">")
        }
        // Without scripts it asks again by loading itself.
        (Some(Action::Watch), _) => {
            "<noscript><meta http-equiv=\"refresh\" content=\"3\"></noscript>".to_owned()
        }
        _ => String::new(),
    };
    let site_url = escaped(site.site_url());
    let action = match shape.action {
        Some(Action::Account) => {
            format!(
                "<p><a class=\"button\" href=\"{site_url}/account\">{}</a></p>",
                text.to_account
            )
        }
        Some(Action::Site) => {
            format!("<p><a class=\"button\" href=\"{site_url}/\">{}</a></p>", text.to_site)
        }
        Some(Action::Watch) => format!(
            "<p class=\"wait\" id=\"wait\" role=\"status\">{}</p>\
             <p class=\"wait\" id=\"late\" role=\"status\" hidden>{}</p><script>{WAKING}</script>",
            text.waiting, text.late
        ),
        Some(Action::Wait) => {
            format!("<p class=\"wait\" role=\"status\">{}</p>", text.waiting)
        }
        None => String::new(),
    };
    let body = format!(
        "<h1>{title}</h1><p>{message}</p>{action}<p class=\"fine\">\
         <a href=\"{site_url}/contact\">{}</a> <span>{} {request}</span></p>",
        text.contact, text.request
    );
    document(language, title, &refresh, &body)
}

pub(super) fn too_many_cookies(language: Language, request: RequestId) -> String {
    let text = of(language);
    let body = format!(
        "<h1>{}</h1><p>{}</p><form method=\"post\" action=\"/auth/clear-cookies\">\
         <button class=\"button\">{}</button></form>\
         <p class=\"fine\"><span>{} {request}</span></p>",
        text.too_much, text.too_much_how, text.clear_cookies, text.request
    );
    document(language, text.too_much, "", &body)
}

/// Asks for `target` again; coming from our own page, the strict cookie is sent along.
pub(super) fn bounce(language: Language, target: &ReturnPath) -> String {
    let (text, target) = (of(language), escaped(target.as_str()));
    let refresh = format!("<meta http-equiv=\"refresh\" content=\"0;url={target}\">");
    let body = format!("<h1>{}</h1><p><a href=\"{target}\">{}</a></p>", text.moment, text.go_on);
    document(language, text.moment, &refresh, &body)
}

const fn of(language: Language) -> &'static PageText {
    match language {
        Language::English => &english::TEXT,
        Language::German => &german::TEXT,
    }
}

fn document(language: Language, title: &str, head: &str, body: &str) -> String {
    let language = language.tag();
    format!(
        "<!doctype html><html lang=\"{language}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <meta name=\"robots\" content=\"noindex\">{head}<title>{title} – Arcamatrix</title>\
         <style>{STYLE}</style></head><body><main><p class=\"brand\">{MARK} Arcamatrix</p>{body}</main>\
         </body></html>"
    )
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(character),
        }
    }
    out
}
