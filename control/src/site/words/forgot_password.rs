//! Asking for a link with which a new password is set.

use crate::site::language::Language;

pub(in crate::site) struct ForgotPasswordText {
    pub(in crate::site) title: &'static str,
    pub(in crate::site) sign_in: &'static str,
    pub(in crate::site) sent: &'static str,
    pub(in crate::site) sent_how: &'static str,
    pub(in crate::site) sent_not: &'static str,
    pub(in crate::site) again: &'static str,
    pub(in crate::site) heading: &'static str,
    pub(in crate::site) lead: &'static str,
    pub(in crate::site) account: &'static str,
    pub(in crate::site) send: &'static str,
    pub(in crate::site) empty: &'static str,
    pub(in crate::site) too_many: &'static str,
}

impl ForgotPasswordText {
    pub(in crate::site) fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &ENGLISH,
            Language::German => &GERMAN,
        }
    }
}

const ENGLISH: ForgotPasswordText = ForgotPasswordText {
    title: "Forgotten password",
    sign_in: "Sign in",
    sent: "Look at your mail",
    sent_how: "If there is a workspace by that name or address, a link is on its way to its owner. \
               It works once, until the time that the mail says.",
    sent_not: "Nothing there after a few minutes? Look among the unwanted mail, or try again with \
               the other one: name or e-mail.",
    again: "Try again",
    heading: "Forgotten your password?",
    lead: "Tell us your name or your e-mail address, and we send a link with which you set a new \
           one.",
    account: "Name or e-mail",
    send: "Send me a link",
    empty: "Please type your name or your e-mail address.",
    too_many: "That was asked for very often. Please wait a while and try again.",
};

const GERMAN: ForgotPasswordText = ForgotPasswordText {
    title: "Passwort vergessen",
    sign_in: "Anmelden",
    sent: "Sieh in deine Mails",
    sent_how: "Gibt es einen Arbeitsplatz mit diesem Namen oder dieser Adresse, ist ein Link \
               unterwegs zu dem, dem er gehört. Er gilt einmal; bis wann, steht in der Mail.",
    sent_not: "Nach ein paar Minuten ist nichts da? Sieh bei den unerwünschten Mails nach, oder \
               versuche es mit dem anderen: Name oder E-Mail.",
    again: "Noch einmal",
    heading: "Passwort vergessen?",
    lead: "Nenn uns deinen Namen oder deine E-Mail-Adresse; wir schicken dir einen Link, mit dem \
           du ein neues setzt.",
    account: "Name oder E-Mail",
    send: "Schickt mir einen Link",
    empty: "Bitte gib deinen Namen oder deine E-Mail-Adresse ein.",
    too_many: "Danach wurde sehr oft gefragt. Bitte warte eine Weile und versuche es dann wieder.",
};
