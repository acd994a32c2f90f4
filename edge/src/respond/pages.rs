//! The few pages that the edge shows by itself.
//!
//! One look, nothing loaded from anywhere: they must work when everything behind
//! the edge is away.

use std::sync::LazyLock;

use base64::Engine as _;
use sha2::{Digest as _, Sha256};
use shared::{PublicSite, RequestId, ReturnPath};

use super::refusal::{Action, RefusalText};

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

pub(super) fn refused(text: &RefusalText, site: &PublicSite, request: RequestId) -> String {
    let refresh = match (text.action, text.retry_after) {
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
    let action = match text.action {
        Some(Action::Account) => {
            format!("<p><a class=\"button\" href=\"{site_url}/account\">Go to my account</a></p>")
        }
        Some(Action::Site) => {
            format!("<p><a class=\"button\" href=\"{site_url}/\">Go to Arcamatrix</a></p>")
        }
        Some(Action::Watch) => format!(
            "<p class=\"wait\" id=\"wait\" role=\"status\">Waiting…</p>\
             <p class=\"wait\" id=\"late\" role=\"status\" hidden>It has not answered for a minute, \
             which is longer than it should take. We go on trying. If it stays like this, \
             write to us and name the request below.</p><script>{WAKING}</script>"
        ),
        Some(Action::Wait) => "<p class=\"wait\" role=\"status\">Waiting…</p>".to_owned(),
        None => String::new(),
    };
    let body = format!(
        "<h1>{}</h1><p>{}</p>{action}<p class=\"fine\"><a href=\"{site_url}/contact\">Contact</a> \
         <span>Request {request}</span></p>",
        text.title, text.message,
    );
    document(text.title, &refresh, &body)
}

pub(super) fn too_many_cookies(request: RequestId) -> String {
    let title = "Your browser sent too much";
    let body = format!(
        "<h1>{title}</h1><p>Most likely too many cookies have piled up for this address. \
         Clear them and sign in again; nothing in your workspace is lost.</p>\
         <form method=\"post\" action=\"/auth/clear-cookies\">\
         <button class=\"button\">Clear cookies</button></form>\
         <p class=\"fine\"><span>Request {request}</span></p>"
    );
    document(title, "", &body)
}

/// Asks for `target` again; coming from our own page, the strict cookie is sent along.
pub(super) fn bounce(target: &ReturnPath) -> String {
    let target = escaped(target.as_str());
    let refresh = format!("<meta http-equiv=\"refresh\" content=\"0;url={target}\">");
    let body =
        format!("<h1>One moment</h1><p><a href=\"{target}\">Continue to your workspace</a></p>");
    document("One moment", &refresh, &body)
}

fn document(title: &str, head: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
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
