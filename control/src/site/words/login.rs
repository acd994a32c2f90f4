//! The sign-in form, and the page that opens the workspace by itself.

use std::borrow::Cow;
use std::time::Duration;

use super::german_span;
use crate::http::Problem;
use crate::site::language::Language;

pub(in crate::site) struct LoginText {
    pub(in crate::site) title: &'static str,
    pub(in crate::site) signed_out: &'static str,
    pub(in crate::site) reset: &'static str,
    /// To a browser that was signed in a moment ago and is not any more.
    pub(in crate::site) not_kept: &'static str,
    /// Before and behind the name of somebody else who is signed in already.
    pub(in crate::site) other: [&'static str; 2],
    pub(in crate::site) your_account: &'static str,
    /// Before and behind the host that is to be opened.
    pub(in crate::site) to_open: [&'static str; 2],
    pub(in crate::site) name: &'static str,
    /// Behind the field.
    pub(in crate::site) name_hint: &'static str,
    pub(in crate::site) password: &'static str,
    pub(in crate::site) sign_in: &'static str,
    pub(in crate::site) forgotten: &'static str,
}

impl LoginText {
    pub(in crate::site) fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &ENGLISH,
            Language::German => &GERMAN,
        }
    }
}

const ENGLISH: LoginText = LoginText {
    title: "Sign in",
    signed_out: "You are signed out.",
    reset: "Your new password is set. Sign in with it.",
    not_kept: "If you have just signed in: your browser has not kept it. Please allow cookies for \
               this site, or delete those that it has, and sign in again.",
    other: ["You are signed in as", "Sign in below to open another workspace, or go to"],
    your_account: "your account",
    to_open: ["to open", ""],
    name: "Name or e-mail",
    name_hint: "With several workspaces at one address, sign in by name.",
    password: "Password",
    sign_in: "Sign in",
    forgotten: "Forgotten your password?",
};

const GERMAN: LoginText = LoginText {
    title: "Anmelden",
    signed_out: "Du bist abgemeldet.",
    reset: "Dein neues Passwort gilt. Melde dich damit an.",
    not_kept: "Falls du dich eben angemeldet hast: Dein Browser hat es sich nicht gemerkt. Bitte \
               erlaube Cookies für diese Seite, oder lösche die vorhandenen, und melde dich noch \
               einmal an.",
    other: [
        "Du bist angemeldet als",
        "Melde dich unten an, um einen anderen Arbeitsplatz zu öffnen, oder geh zu",
    ],
    your_account: "deinem Konto",
    to_open: ["um", "zu öffnen"],
    name: "Name oder E-Mail",
    name_hint: "Hast du mehrere Arbeitsplätze mit einer Adresse, nimm den Namen.",
    password: "Passwort",
    sign_in: "Anmelden",
    forgotten: "Passwort vergessen?",
};

/// What a refused sign-in says; the problem has its English.
pub(in crate::site) fn refusal(language: Language, problem: &Problem) -> Cow<'_, str> {
    let wait = || german_span(problem.retry_after.unwrap_or(Duration::ZERO));
    match (language, problem.code) {
        (Language::English, _) => problem.message.as_ref().into(),
        (Language::German, "invalid_credentials") => {
            "Dieser Name und dieses Passwort gehören nicht zusammen.".into()
        }
        (Language::German, "too_many_attempts") => format!(
            "Es gab zu viele Fehlversuche. Bitte versuche es in {} wieder, oder setze per Mail \
             ein neues Passwort: Damit kommst du sofort hinein.",
            wait()
        )
        .into(),
        (Language::German, "too_many_sign_ins") => format!(
            "Bei diesem Konto hat man sich innerhalb einer Stunde sehr oft angemeldet. Bitte \
             versuche es in {} wieder.",
            wait()
        )
        .into(),
        (Language::German, "busy") => {
            "Gerade melden sich viele an. Bitte versuche es in ein paar Sekunden wieder.".into()
        }
        (Language::German, _) => {
            "Das ging gerade nicht. Bitte versuche es in einem Moment wieder.".into()
        }
    }
}
