//! What each letter says. Pure; HTML and text are made of the same words.

use shared::{PublicSite, Username};

use super::renderer::MailRenderer;
use crate::base::amount::Amount;
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
        let author = Author { site: &renderer.site, price: renderer.price, to, now };
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
    price: Amount,
    to: &'a Recipient<'a>,
    now: Moment,
}

impl Author<'_> {
    fn welcome(&self, link: Option<&NewLink>, next_payment: Option<Moment>) -> MailContent {
        let workspace = self.workspace_url();
        let mut parts = match link {
            Some(link) => vec![
                paragraph(format!(
                    "Your assistant has moved in at {workspace}. Choose a password, and you are in."
                )),
                button("Choose your password", self.link_url(link)),
                self.about_the_link(link),
            ],
            None => vec![
                paragraph(format!("Your assistant has moved in at {workspace}.")),
                button("Open your workspace", workspace),
                paragraph(format!(
                    "Sign in with the password you have chosen. Should you forget it, you get a \
                     link for a new one at {}.",
                    request_url(self.site)
                )),
            ],
        };
        let mut facts = vec![
            ("Workspace", self.site.workspace_host(&self.to.username)),
            ("Your name", self.to.username.to_string()),
            ("Plan", format!("{} a month", self.price)),
        ];
        facts.extend(next_payment.map(|at| ("Next payment", Date::of(at).to_string())));
        parts.push(Part::Facts(facts));
        parts.push(paragraph(format!(
            "You can cancel whenever you like, on your account page: {}. Your workspace then \
             stays open until the end of the month that is paid for.",
            self.account_url()
        )));
        words("Your workspace is ready", "Your workspace is ready", parts)
    }

    fn machine_replaced(&self) -> MailContent {
        let lost = "The machine that your assistant lived in has failed, and what was in it is \
                    lost: its files, and your conversations. We are sorry. You need not do \
                    anything, and pay nothing more for it.";
        let next = format!(
            "Another machine is being prepared with the skills that you chose, at the same \
             address: {}. Answer this letter if we may help.",
            self.workspace_url()
        );
        let heading = "What was in your workspace is lost";
        words("Your workspace had to be made anew", heading, vec![paragraph(lost), paragraph(next)])
    }

    fn order_received(&self) -> MailContent {
        words(
            "We have your order",
            "Your payment has arrived",
            vec![
                paragraph(format!(
                    "We are preparing {}. It takes a little longer than usual; nothing is lost, \
                     and there is nothing for you to do.",
                    self.site.workspace_host(&self.to.username)
                )),
                paragraph("As soon as it is ready we write to you again, with a link to it."),
            ],
        )
    }

    fn another_workspace(&self, others: &[Username]) -> MailContent {
        let others: Vec<_> = others.iter().map(|name| self.site.workspace_host(name)).collect();
        words(
            "You have more than one workspace now",
            "You have more than one workspace now",
            vec![
                paragraph(format!(
                    "With this address you have {} already. Your new order, {}, is another \
                     workspace with a subscription of its own: each of them costs {} a month.",
                    others.join(", "),
                    self.site.workspace_host(&self.to.username),
                    self.price
                )),
                paragraph(format!(
                    "If that was what you wanted, there is nothing to do. If not, cancel one of \
                     them on its account page: {}",
                    self.account_url()
                )),
            ],
        )
    }

    fn order_failed(&self) -> MailContent {
        words(
            "Your payment did not arrive",
            "Your payment did not arrive",
            vec![
                paragraph(format!(
                    "You ordered {} and chose to pay by bank. The payment did not arrive, so no \
                     workspace was opened, and the subscription is ended.",
                    self.site.workspace_host(&self.to.username)
                )),
                paragraph("The name is free again. If you still want it, order once more:"),
                button("Order again", self.site.site_url().to_owned()),
            ],
        )
    }

    fn set_password(&self, link: &NewLink) -> MailContent {
        words(
            "Choose your password",
            "Choose your password",
            vec![
                paragraph(format!(
                    "Here is a new link for your workspace {}. Earlier ones work no more.",
                    self.site.workspace_host(&self.to.username)
                )),
                button("Choose your password", self.link_url(link)),
                self.about_the_link(link),
            ],
        )
    }

    fn reset_password(&self, link: &NewLink) -> MailContent {
        words(
            "A new password",
            "Choose a new password",
            vec![
                paragraph(format!(
                    "Somebody, probably you, asked for a new password for {}.",
                    self.site.workspace_host(&self.to.username)
                )),
                button("Choose a new password", self.link_url(link)),
                self.about_the_link(link),
                paragraph(
                    "If it was not you, there is nothing to do: without this link your password \
                     stays as it is.",
                ),
            ],
        )
    }

    fn password_changed(&self) -> MailContent {
        words(
            "Your password was changed",
            "Your password was changed",
            vec![
                paragraph(format!(
                    "The password of {} was changed on {}. Every other browser was signed out.",
                    self.site.workspace_host(&self.to.username),
                    DateTime::of(self.now)
                )),
                paragraph(format!(
                    "If it was not you, choose a new one at once: {}",
                    request_url(self.site)
                )),
            ],
        )
    }

    fn confirm_email(&self, change: &NewEmailChange) -> MailContent {
        words(
            "Is this your address?",
            "Confirm your new address",
            vec![
                paragraph(format!(
                    "Somebody, probably you, wants letters about {} to come to this address.",
                    self.site.workspace_host(&self.to.username)
                )),
                button("Confirm this address", change.url(self.site).expose().clone()),
                paragraph(format!(
                    "The link works once, for {}: until {}.",
                    Span::of(change.expires.since(self.now)),
                    DateTime::of(change.expires)
                )),
                paragraph(
                    "If it was not you, there is nothing to do: without this link nothing changes, \
                     and you hear no more of it.",
                ),
            ],
        )
    }

    fn email_changed(&self) -> MailContent {
        words(
            "Your e-mail address was changed",
            "Your e-mail address was changed",
            vec![
                paragraph(format!(
                    "Letters about {} go to another address since {}. This is the last one that \
                     comes here. The password is as it was, and links for a new one that were sent \
                     here before work no more.",
                    self.site.workspace_host(&self.to.username),
                    DateTime::of(self.now)
                )),
                paragraph(format!(
                    "If it was not you, somebody else knows your password. Sign in at once, choose \
                     another password and change the address back: {}",
                    self.account_url()
                )),
                paragraph(format!(
                    "If you cannot sign in any more, write to us: {}/contact. We close the \
                     workspace for everybody until it is clear whose it is.",
                    self.site.site_url()
                )),
            ],
        )
    }

    fn cancelled(&self, until: Moment) -> MailContent {
        let host = self.site.workspace_host(&self.to.username);
        let parts = if until > self.now {
            vec![
                paragraph(format!(
                    "As you asked, {host} will not be renewed. It stays open until {}; nothing \
                     more is charged.",
                    DateTime::of(until)
                )),
                paragraph(format!(
                    "Please take with you what you want to keep: after that, the workspace and \
                     everything in it is deleted and cannot be brought back. All of it in one \
                     archive is at {}",
                    self.export_url()
                )),
                paragraph(format!(
                    "If you change your mind, you can undo it until then on your account page: {}",
                    self.account_url()
                )),
            ]
        } else {
            vec![
                paragraph(format!(
                    "The subscription of {host} ended on {}, and the workspace is closed. Nothing \
                     more is charged.",
                    DateTime::of(until)
                )),
                paragraph("The workspace and everything in it is being deleted."),
                paragraph(format!("You are welcome back: {}", self.site.site_url())),
            ]
        };
        words("Your subscription is cancelled", "Your subscription is cancelled", parts)
    }

    fn ended(&self, why: EndReason) -> MailContent {
        let host = self.site.workspace_host(&self.to.username);
        let reason = match why {
            EndReason::Unpaid => "No payment arrived until the date that our letters had named.",
            EndReason::Erasure => "You asked us to delete everything about you.",
            EndReason::Subscription => "Its subscription is over.",
            EndReason::Refund => "Its last payment was given back in full.",
            EndReason::Dispute => {
                "Its last payment was taken back by the bank that issued the card. If you did \
                 not ask for that, please talk to your bank, and then to us."
            }
        };
        words(
            "Your workspace has ended",
            "Your workspace has ended",
            vec![
                paragraph(format!("{host} is closed. {reason}")),
                paragraph(
                    "The subscription is ended, and nothing more is charged. The workspace and \
                     everything in it is being deleted.",
                ),
                paragraph(format!("You are welcome back: {}", self.site.site_url())),
            ],
        )
    }

    fn closed(&self, ends: Moment) -> MailContent {
        words(
            "Your workspace is closed",
            "Your workspace is closed until it is paid for",
            vec![
                paragraph(format!(
                    "No payment has arrived for {}, so it is closed for now, and what runs in it \
                     is stopped. Everything in it is kept until {}.",
                    self.site.workspace_host(&self.to.username),
                    DateTime::of(ends)
                )),
                button("Repair the payment", self.account_url()),
                paragraph(
                    "With the payment it opens again, as you left it. We write to you twice more \
                     before anything is deleted.",
                ),
                self.take_out(),
            ],
        )
    }

    fn end_is_near(&self, ends: Moment, is_last: bool) -> MailContent {
        let subject = if is_last {
            "Last notice: your workspace is about to be deleted"
        } else {
            "Your workspace will be deleted"
        };
        words(
            subject,
            subject,
            vec![
                paragraph(format!(
                    "{} is closed because no payment has arrived. On {} it is deleted, with \
                     everything in it, and cannot be brought back.",
                    self.site.workspace_host(&self.to.username),
                    DateTime::of(ends)
                )),
                button("Repair the payment", self.account_url()),
                paragraph("With the payment before that date it opens again, as you left it."),
                self.take_out(),
            ],
        )
    }

    fn paused(&self) -> MailContent {
        words(
            "Your subscription is paused",
            "Your subscription is paused",
            vec![
                paragraph(format!(
                    "The subscription of {} is paused since {}. While it is, nothing is charged, and \
                     the workspace is closed. Everything in it is kept.",
                    self.site.workspace_host(&self.to.username),
                    DateTime::of(self.now)
                )),
                button("Your account", self.account_url()),
                paragraph("As soon as the subscription goes on the workspace opens again."),
                self.take_out(),
            ],
        )
    }

    fn deleted(&self, receipt: &Receipt) -> MailContent {
        let host = self.site.workspace_host(&self.to.username);
        let first = paragraph(format!(
            "{host} and everything in it is deleted. This is your receipt: what went, when, and \
             how we know."
        ));
        let lines = receipt.lines.iter().map(|line| {
            let at = DateTime::of(Moment::from_seconds(line.at));
            paragraph(format!("{}, on {at}: {}.", line.what, line.checked))
        });
        let last = paragraph(
            "We keep this receipt without your address, and this is the last letter you get \
             from us about it.",
        );
        let parts = [first].into_iter().chain(lines).chain([last]).collect();
        words("Your workspace is deleted", "Your workspace is deleted", parts)
    }

    fn payment_failed(&self, grace_until: Moment) -> MailContent {
        words(
            "Your payment did not go through",
            "Your payment did not go through",
            vec![
                paragraph(format!(
                    "We could not collect the payment for {}, {} a month. Often the card has expired.",
                    self.site.workspace_host(&self.to.username),
                    self.price
                )),
                button("Update your payment", self.account_url()),
                paragraph(format!(
                    "Your workspace stays open until {}. If nothing has arrived by then it is \
                     closed, with everything in it kept, and opens again with the payment.",
                    DateTime::of(grace_until)
                )),
            ],
        )
    }

    fn about_the_link(&self, link: &NewLink) -> Part {
        let lifetime = Span::of(link.expires.since(self.now));
        paragraph(format!(
            "The link works once, for {lifetime}: until {}. If it is too old, you get a new one \
             at {}.",
            DateTime::of(link.expires),
            request_url(self.site)
        ))
    }

    fn link_url(&self, link: &NewLink) -> String {
        link.url(self.site).expose().clone()
    }

    fn workspace_url(&self) -> String {
        self.site.workspace_url(&self.to.username)
    }

    /// Signing in leads to it; nothing in the address opens anything.
    fn export_url(&self) -> String {
        format!("{}#export", self.account_url())
    }

    fn take_out(&self) -> Part {
        paragraph(format!(
            "While it is closed you can still take out everything that is in it, as one archive: \
             {}",
            self.export_url()
        ))
    }

    fn account_url(&self) -> String {
        format!("{}/account", self.site.site_url())
    }
}

fn words(subject: &str, heading: &str, parts: Vec<Part>) -> MailContent {
    MailContent { subject: format!("{subject} · Arcamatrix"), heading: heading.to_owned(), parts }
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
