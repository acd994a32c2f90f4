//! Makes a letter of words: HTML and text of the same, rendered once.

use std::collections::BTreeMap;

use askama::Template;

use super::content::{MailContent, Part, Piece};
use super::renderer::MailRenderer;
use super::words::AroundText;
use crate::base::clock::Moment;
use crate::base::language::Language;
use crate::model::mail::NewMail;
use crate::model::mail::{Message, Recipient};
use vendors::resend::Email;
use vendors::resend::email::Tag;

#[derive(Template)]
#[template(path = "mail/letter.html")]
struct Html<'a> {
    language: Language,
    words: &'a MailContent,
    text: &'static AroundText,
    site_url: &'a str,
    reply_to: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "mail/letter.txt")]
struct Text<'a> {
    words: &'a MailContent,
    text: &'static AroundText,
    site_url: &'a str,
    reply_to: Option<&'a str>,
}

impl MailRenderer {
    /// The letter, ready to be posted.
    ///
    /// `id` names it among all that ever were, such as `welcome/su_1`, in visible
    /// ASCII: of one id one letter is posted, and one sent. It is made of what
    /// happened, so that told twice it is one letter.
    pub fn write(
        &self,
        id: String,
        to: Recipient<'_>,
        letter: Message<'_>,
        now: Moment,
    ) -> NewMail {
        let words = MailContent::of(&letter, &to, self, now);
        let (site_url, reply_to) = (self.site.site_url(), self.reply_to.as_deref());
        let (language, text) = (to.language, AroundText::of(to.language));
        let html = Html { language, words: &words, text, site_url, reply_to }.render();
        let text = Text { words: &words, text, site_url, reply_to }.render();
        let email = Email {
            from: self.from.clone(),
            to: vec![to.email.to_owned()],
            reply_to: self.reply_to.clone(),
            subject: words.subject,
            html: html.expect("writing to memory"),
            text: text.expect("writing to memory"),
            // Without it, mail programs fold letters into one that look alike.
            headers: BTreeMap::from([("X-Entity-Ref-ID".to_owned(), id.clone())]),
            tags: vec![Tag { name: "kind".to_owned(), value: letter.kind().as_str().to_owned() }],
        };
        NewMail {
            id,
            kind: letter.kind(),
            username: to.username,
            body: email.render(),
            expires: letter.expires(),
            run_at: None,
        }
    }
}
