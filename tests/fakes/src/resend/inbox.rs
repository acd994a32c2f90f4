//! The mails, for a person to look at.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::{Resend, Sent};
use crate::vendor::calendar::rfc3339;
use crate::vendor::lock;
use crate::vendor::page::{Width, escape, page, table};

/// Mails listed, the newest.
const ROWS_MAX: usize = 200;

pub async fn list(State(resend): State<Arc<Resend>>) -> Response {
    let mails = lock(&resend.mails);
    let rows = mails.iter().rev().take(ROWS_MAX).map(|sent| {
        let subject = escape(&sent.mail.subject);
        vec![
            rfc3339(sent.at),
            escape(&sent.mail.to.join(", ")),
            format!("<a href=\"/inbox/{}\">{subject}</a>", escape(&sent.id)),
        ]
    });
    let table = table(&["Time", "To", "Subject"], rows);
    let hint = if mails.is_empty() { "<p class=\"soft\">No mail yet.</p>" } else { "" };
    page("Inbox", Width::Table, &format!("<h1>Inbox</h1>{hint}<div class=\"card\">{table}</div>"))
}

pub async fn show(State(resend): State<Arc<Resend>>, Path(id): Path<String>) -> Response {
    let mails = lock(&resend.mails);
    match mails.iter().find(|sent| sent.id == id) {
        Some(sent) => page(&sent.mail.subject, Width::Table, &message(sent)),
        None => {
            let body = "<h1>There is no such mail</h1><p><a href=\"/\">Inbox</a></p>";
            (StatusCode::NOT_FOUND, page("Not found", Width::Form, body)).into_response()
        }
    }
}

fn message(sent: &Sent) -> String {
    let mail = &sent.mail;
    let lines = [
        ("From", mail.from.clone()),
        ("To", mail.to.join(", ")),
        ("Reply to", mail.reply_to.join(", ")),
        ("Sent", rfc3339(sent.at)),
    ];
    let lines: String = lines
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| {
            format!("<div><span class=\"soft\">{name}</span> {}</div>", escape(value))
        })
        .collect();
    let html = mail.html.as_ref().map_or_else(String::new, |html| {
        // No scripts, no forms, no way to this page; links open elsewhere.
        let framed = escape(&format!("<base target=\"_blank\">{html}"));
        format!(
            "<h2>HTML</h2><iframe title=\"The mail as HTML\" sandbox=\"allow-popups \
             allow-popups-to-escape-sandbox\" srcdoc=\"{framed}\"></iframe>"
        )
    });
    let text = mail.text.as_ref().map_or_else(String::new, |text| {
        format!("<h2>Text</h2><pre class=\"card\">{}</pre>", with_links(text))
    });
    format!(
        "<p><a href=\"/\">Inbox</a></p><h1>{}</h1><div class=\"card\">{lines}</div>{html}{text}",
        escape(&mail.subject)
    )
}

/// Text as HTML, with web addresses to click.
fn with_links(text: &str) -> String {
    text.split_inclusive(char::is_whitespace)
        .map(|word| {
            // What ends a sentence is not part of an address.
            let address = word.trim_end().trim_end_matches(['.', ',', ';', ':', ')']);
            let after = escape(&word[address.len()..]);
            if address.starts_with("https://") || address.starts_with("http://") {
                let address = escape(address);
                format!("<a href=\"{address}\">{address}</a>{after}")
            } else {
                escape(word)
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resend::mail::Mail;

    #[test]
    fn a_hostile_mail_stays_in_its_frame() {
        let mail = Mail::read(
            br#"{"from":"a@b.cd","to":"e@f.gh","subject":"<script>1</script>",
                "html":"\"></iframe><script>2</script>","text":"<script>3</script>"}"#,
        )
        .unwrap();
        let sent = Sent { id: "1".to_owned(), at: 0, idempotency_key: None, mail };
        assert!(!message(&sent).contains("<script"));
        assert_eq!(message(&sent).matches("</iframe>").count(), 1);
    }

    #[test]
    fn addresses_in_text_can_be_clicked() {
        let html = with_links("Go to http://a.b/?x=1&y=2.\nbye");
        assert_eq!(
            html,
            "Go to <a href=\"http://a.b/?x=1&amp;y=2\">http://a.b/?x=1&amp;y=2</a>.\nbye"
        );
    }
}
