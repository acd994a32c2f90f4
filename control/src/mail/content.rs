//! What each letter is made of, in the words of its reader's language. Pure; HTML and text are
//! made of the same.

use shared::{PublicSite, Username};

use super::renderer::MailRenderer;
use super::words::{AccountText, EndingText};
use crate::base::clock::Moment;
use crate::base::date::{Date, DateTime, Span};
use crate::model::email_change::NewEmailChange;
use crate::model::mail::{Message, Recipient};
use crate::model::password_link::{NewLink, request_url};
use crate::model::receipt::Receipt;
use crate::model::workspace::EndReason;

/// A letter's content, from the top.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MailContent {
    pub(super) subject: String,
    pub(super) heading: String,
    pub(super) parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// Addresses in it become links.
    Paragraph(String),
    /// The one thing to do.
    Button { label: &'static str, url: String },
    /// What to know, as a list of names and values.
    Facts(Vec<(&'static str, String)>),
}

/// A paragraph in pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    Text(&'a str),
    Link(&'a str),
}

impl MailContent {
    pub(super) fn of(
        letter: &Message<'_>,
        to: &Recipient<'_>,
        renderer: &MailRenderer,
        now: Moment,
    ) -> Self {
        let author = Author {
            site: &renderer.site,
            account: AccountText::of(to.language),
            ending: EndingText::of(to.language),
            host: renderer.site.workspace_host(&to.username),
            price: renderer.price.in_language(to.language),
            to,
            now,
        };
        match *letter {
            Message::Welcome { link, next_payment } => author.welcome(link, next_payment),
            Message::OrderReceived => author.order_received(),
            Message::AnotherWorkspace { others } => author.another_workspace(others),
            Message::OrderFailed => author.order_failed(),
            Message::SetPassword { link } => author.set_password(link),
            Message::ResetPassword { link } => author.reset_password(link),
            Message::PasswordChanged => author.password_changed(),
            Message::ConfirmEmail { change } => author.confirm_email(change),
            Message::EmailChanged => author.email_changed(),
            Message::Cancelled { until } => author.cancelled(until),
            Message::CancellationUndone { next_payment } => {
                author.cancellation_undone(next_payment)
            }
            Message::Ended { why } => author.ended(why),
            Message::Closed { ends } => author.closed(ends),
            Message::EndIsNear { ends, is_last } => author.end_is_near(ends, is_last),
            Message::Paused => author.paused(),
            Message::MachineReplaced => author.machine_replaced(),
            Message::Deleted { receipt } => author.deleted(receipt),
            Message::PaymentFailed { grace_until } => author.payment_failed(grace_until),
        }
    }
}

struct Author<'a> {
    site: &'a PublicSite,
    account: &'static AccountText,
    ending: &'static EndingText,
    host: String,
    price: String,
    to: &'a Recipient<'a>,
    now: Moment,
}

impl Author<'_> {
    fn welcome(&self, link: Option<&NewLink>, next_payment: Option<Moment>) -> MailContent {
        let (text, workspace) = (self.account, self.site.workspace_url(&self.to.username));
        let mut parts = match link {
            Some(link) => vec![
                paragraph((text.welcome_choose)(&workspace)),
                button(text.choose_password, self.link_url(link)),
                self.about_the_link(link),
            ],
            None => vec![
                paragraph((text.welcome_moved_in)(&workspace)),
                button(text.welcome_open, workspace),
                paragraph((text.welcome_sign_in)(&request_url(self.site))),
            ],
        };
        let mut facts = vec![
            (text.fact_workspace, self.host.clone()),
            (text.fact_name, self.to.username.to_string()),
            (text.fact_plan, (text.a_month)(&self.price)),
        ];
        facts.extend(next_payment.map(|at| (text.fact_next_payment, self.day(at))));
        parts.push(Part::Facts(facts));
        parts.push(paragraph((text.welcome_cancel)(&self.account_url())));
        words(text.welcome, parts)
    }

    fn machine_replaced(&self) -> MailContent {
        let text = self.account;
        let next = (text.replaced_next)(&self.site.workspace_url(&self.to.username));
        let parts = vec![paragraph(text.replaced_lost), paragraph(next)];
        words(text.replaced, parts).headed(text.replaced_heading)
    }

    fn order_received(&self) -> MailContent {
        let text = self.account;
        let preparing = paragraph((text.order_preparing)(&self.host));
        words(text.order, vec![preparing, paragraph(text.order_later)]).headed(text.order_heading)
    }

    fn another_workspace(&self, others: &[Username]) -> MailContent {
        let text = self.account;
        let others: Vec<_> = others.iter().map(|name| self.site.workspace_host(name)).collect();
        words(
            text.another,
            vec![
                paragraph((text.another_what)(&others.join(", "), &self.host, &self.price)),
                paragraph((text.another_if)(&self.account_url())),
            ],
        )
    }

    fn order_failed(&self) -> MailContent {
        let text = self.account;
        words(
            text.order_failed,
            vec![
                paragraph((text.order_failed_what)(&self.host)),
                paragraph(text.order_failed_then),
                button(text.order_again, self.site.site_url().to_owned()),
            ],
        )
    }

    fn set_password(&self, link: &NewLink) -> MailContent {
        let text = self.account;
        words(
            text.choose_password,
            vec![
                paragraph((text.set_password)(&self.host)),
                button(text.choose_password, self.link_url(link)),
                self.about_the_link(link),
            ],
        )
    }

    fn reset_password(&self, link: &NewLink) -> MailContent {
        let text = self.account;
        let parts = vec![
            paragraph((text.reset_asked)(&self.host)),
            button(text.reset_heading, self.link_url(link)),
            self.about_the_link(link),
            paragraph(text.reset_not_you),
        ];
        words(text.reset, parts).headed(text.reset_heading)
    }

    fn password_changed(&self) -> MailContent {
        let text = self.account;
        words(
            text.changed,
            vec![
                paragraph((text.changed_what)(&self.host, &self.time(self.now))),
                paragraph((text.changed_not_you)(&request_url(self.site))),
            ],
        )
    }

    fn confirm_email(&self, change: &NewEmailChange) -> MailContent {
        let text = self.account;
        let (lifetime, until) = self.lifetime(change.expires);
        let parts = vec![
            paragraph((text.confirm_asked)(&self.host)),
            button(text.confirm_this, change.url(self.site).expose().clone()),
            paragraph((text.confirm_link)(&lifetime, &until)),
            paragraph(text.confirm_not_you),
        ];
        words(text.confirm, parts).headed(text.confirm_heading)
    }

    fn email_changed(&self) -> MailContent {
        let text = self.account;
        let contact = format!("{}/contact", self.site.site_url());
        words(
            text.email_changed,
            vec![
                paragraph((text.email_changed_what)(&self.host, &self.time(self.now))),
                paragraph((text.email_changed_not_you)(&self.account_url())),
                paragraph((text.email_changed_locked_out)(&contact)),
            ],
        )
    }

    fn cancelled(&self, until: Moment) -> MailContent {
        let (text, time) = (self.ending, self.time(until));
        let parts = if until > self.now {
            vec![
                paragraph((text.cancelled_until)(&self.host, &time)),
                paragraph((text.cancelled_take)(&self.export_url())),
                paragraph((text.cancelled_undo)(&self.account_url())),
            ]
        } else {
            vec![
                paragraph((text.cancelled_over)(&self.host, &time)),
                paragraph(text.cancelled_deleted),
                paragraph((text.welcome_back)(self.site.site_url())),
            ]
        };
        words(text.cancelled, parts)
    }

    fn cancellation_undone(&self, next_payment: Option<Moment>) -> MailContent {
        let text = self.ending;
        let next = next_payment.map(|at| (text.undone_next)(&self.price, &self.day(at)));
        let last = (text.undone_cancel)(&self.account_url());
        let parts = [Some((text.undone_what)(&self.host)), next, Some(last)];
        words(text.undone, parts.into_iter().flatten().map(paragraph).collect())
    }

    fn ended(&self, why: EndReason) -> MailContent {
        let text = self.ending;
        words(
            text.ended,
            vec![
                paragraph((text.ended_what)(&self.host, (text.ended_why)(why))),
                paragraph(text.ended_then),
                paragraph((text.welcome_back)(self.site.site_url())),
            ],
        )
    }

    fn closed(&self, ends: Moment) -> MailContent {
        let text = self.ending;
        let parts = vec![
            paragraph((text.closed_what)(&self.host, &self.time(ends))),
            button(text.repair_payment, self.account_url()),
            paragraph(text.closed_then),
            self.take_out(),
        ];
        words(text.closed, parts).headed(text.closed_heading)
    }

    fn end_is_near(&self, ends: Moment, is_last: bool) -> MailContent {
        let text = self.ending;
        words(
            if is_last { text.near_last } else { text.near },
            vec![
                paragraph((text.near_what)(&self.host, &self.time(ends))),
                button(text.repair_payment, self.account_url()),
                paragraph(text.near_then),
                self.take_out(),
            ],
        )
    }

    fn paused(&self) -> MailContent {
        let text = self.ending;
        words(
            text.paused,
            vec![
                paragraph((text.paused_what)(&self.host, &self.time(self.now))),
                button(text.your_account, self.account_url()),
                paragraph(text.paused_then),
                self.take_out(),
            ],
        )
    }

    fn deleted(&self, receipt: &Receipt) -> MailContent {
        let text = self.ending;
        let lines = receipt.lines.iter().map(|line| {
            let at = self.time(Moment::from_seconds(line.at));
            paragraph((text.deleted_line)(&line.what, &at, &line.checked))
        });
        let first = paragraph((text.deleted_what)(&self.host));
        let last = paragraph(text.deleted_last);
        words(text.deleted, [first].into_iter().chain(lines).chain([last]).collect())
    }

    fn payment_failed(&self, grace_until: Moment) -> MailContent {
        let text = self.ending;
        words(
            text.payment_failed,
            vec![
                paragraph((text.payment_failed_what)(&self.host, &self.price)),
                button(text.payment_failed_update, self.account_url()),
                paragraph((text.payment_failed_until)(&self.time(grace_until))),
            ],
        )
    }

    fn about_the_link(&self, link: &NewLink) -> Part {
        let (lifetime, until) = self.lifetime(link.expires);
        paragraph((self.account.about_link)(&lifetime, &until, &request_url(self.site)))
    }

    /// For how long from now, and until when.
    fn lifetime(&self, expires: Moment) -> (String, String) {
        let span = Span::of(expires.since(self.now)).in_language(self.to.language);
        (span, self.time(expires))
    }

    fn day(&self, moment: Moment) -> String {
        Date::of(moment).in_language(self.to.language)
    }

    fn time(&self, moment: Moment) -> String {
        DateTime::of(moment).in_language(self.to.language)
    }

    fn link_url(&self, link: &NewLink) -> String {
        link.url(self.site).expose().clone()
    }

    /// Signing in leads to it; nothing in the address opens anything.
    fn export_url(&self) -> String {
        format!("{}#export", self.account_url())
    }

    fn take_out(&self) -> Part {
        paragraph((self.ending.take_out)(&self.export_url()))
    }

    fn account_url(&self) -> String {
        format!("{}/account", self.site.site_url())
    }
}

/// Under a heading that is its subject.
fn words(subject: &str, parts: Vec<Part>) -> MailContent {
    MailContent { subject: format!("{subject} · Arcamatrix"), heading: subject.to_owned(), parts }
}

impl MailContent {
    fn headed(self, heading: &str) -> Self {
        Self { heading: heading.to_owned(), ..self }
    }
}

fn paragraph(text: impl Into<String>) -> Part {
    Part::Paragraph(text.into())
}

fn button(label: &'static str, url: String) -> Part {
    Part::Button { label, url }
}

/// Splits out the addresses; what ends a sentence is not part of one.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("https://").or_else(|| rest.find("http://")) {
        let (before, from) = rest.split_at(start);
        let word = from.split_whitespace().next().unwrap_or(from);
        let (link, after) = from.split_at(word.trim_end_matches(['.', ',', ';', ':']).len());
        pieces.extend([Piece::Text(before), Piece::Link(link)]);
        rest = after;
    }
    pieces.push(Piece::Text(rest));
    pieces.retain(|piece| *piece != Piece::Text(""));
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_end_where_their_sentence_does() {
        let check = |text, expected: &[Piece<'_>]| assert_eq!(pieces(text), expected);
        check("no address", &[Piece::Text("no address")]);
        check("https://a.test", &[Piece::Link("https://a.test")]);
        check(
            "see http://a.test:80/x?y=z. Then go",
            &[Piece::Text("see "), Piece::Link("http://a.test:80/x?y=z"), Piece::Text(". Then go")],
        );
        check("", &[]);
    }
}
