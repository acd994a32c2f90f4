//! A mail, and the bytes that are sent of it.

use std::collections::BTreeMap;

use serde::Serialize;
use shared::Secret;

/// In Resend's words.
#[derive(Serialize)]
pub struct Email {
    /// `A name <hello@example.com>`
    pub from: String,
    pub to: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    pub subject: String,
    pub html: String,
    pub text: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
}

#[derive(Serialize)]
pub struct Tag {
    pub name: String,
    pub value: String,
}

/// Rendered once, stored, and sent as it is however often: links with tokens
/// would differ the next time, and Resend refuses another body under the same key.
///
/// Its links are secrets, so it does not print.
#[derive(Debug, Clone)]
pub struct RenderedEmail(Secret<String>);

impl Email {
    pub fn render(&self) -> RenderedEmail {
        let text = serde_json::to_string(self).expect("a mail is plain text");
        RenderedEmail::from_stored(text)
    }
}

impl RenderedEmail {
    /// `text` is what [`RenderedEmail::as_str`] gave when it was stored.
    pub fn from_stored(text: String) -> Self {
        Self(Secret::new(text))
    }

    /// For the store and the wire.
    pub fn as_str(&self) -> &str {
        self.0.expose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rendered_mail_has_resends_words_and_does_not_print() {
        let email = Email {
            from: "Acme <hi@acme.test>".to_owned(),
            to: vec!["ada@example.com".to_owned()],
            reply_to: None,
            subject: "Welcome".to_owned(),
            html: "<p>hi</p>".to_owned(),
            text: "hi".to_owned(),
            headers: BTreeMap::new(),
            tags: vec![Tag { name: "category".to_owned(), value: "welcome".to_owned() }],
        };
        let rendered = email.render();
        assert_eq!(
            rendered.as_str(),
            r#"{"from":"Acme <hi@acme.test>","to":["ada@example.com"],"subject":"Welcome","#
                .to_owned()
                + r#""html":"<p>hi</p>","text":"hi","tags":[{"name":"category","value":"welcome"}]}"#
        );
        assert_eq!(format!("{rendered:?}"), "RenderedEmail(***)");
    }
}
