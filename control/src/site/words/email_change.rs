//! Asking for another e-mail address, and confirming it.

use crate::site::language::Language;

pub(in crate::site) struct EmailChangeText {
    pub(in crate::site) title: &'static str,
    pub(in crate::site) account: &'static str,
    pub(in crate::site) lead: &'static str,
    pub(in crate::site) present: &'static str,
    pub(in crate::site) new: &'static str,
    pub(in crate::site) password: &'static str,
    pub(in crate::site) send: &'static str,
    pub(in crate::site) back: &'static str,
    /// Before and behind the address that a letter went to.
    pub(in crate::site) pending: [&'static str; 2],
    pub(in crate::site) same: &'static str,
    pub(in crate::site) too_many: &'static str,
    pub(in crate::site) confirm_title: &'static str,
    /// Before, between and behind the workspace's host and the address.
    pub(in crate::site) confirm: [&'static str; 3],
    pub(in crate::site) confirm_button: &'static str,
    pub(in crate::site) done: &'static str,
    /// With `{email}` in it.
    pub(in crate::site) done_how: &'static str,
    pub(in crate::site) to_account: &'static str,
    /// Of its link, used again.
    pub(in crate::site) used_how: &'static str,
    pub(in crate::site) over: &'static str,
    pub(in crate::site) over_how: &'static str,
    pub(in crate::site) again: &'static str,
}

impl EmailChangeText {
    pub(in crate::site) fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &ENGLISH,
            Language::German => &GERMAN,
        }
    }
}

const ENGLISH: EmailChangeText = EmailChangeText {
    title: "Change your e-mail address",
    account: "Account",
    lead: "We send a link to the new address. It is yours here once you have used that link; until \
           then everything stays as it is. You stay signed in.",
    present: "Present address",
    new: "New address",
    password: "Your password",
    send: "Send me the link",
    back: "Back to the account",
    pending: [
        "A link is on its way to",
        "and works once, for an hour. Nothing there? Look among the unwanted mail, or ask for it \
         again below.",
    ],
    same: "This is your address already.",
    too_many: "That was asked for very often. Please wait an hour and try again.",
    confirm_title: "Is this your address?",
    confirm: ["Once you confirm it, letters and receipts for", "go to", "."],
    confirm_button: "Yes, use this address",
    done: "Your address is changed",
    done_how: "Letters and receipts go to {email} from now on. We have told the former address.",
    to_account: "To your account",
    used_how: "This link has changed it, and each link works once. Your account page says which \
               address counts.",
    over: "This link works no more",
    over_how: "A newer one was sent, the password was changed since, or it is too old. Your account \
               page says which address counts.",
    again: "Send me a new link",
};

const GERMAN: EmailChangeText = EmailChangeText {
    title: "E-Mail-Adresse ändern",
    account: "Konto",
    lead: "Wir schicken einen Link an die neue Adresse. Sie gilt, sobald du ihn benutzt hast; bis \
           dahin bleibt alles, wie es ist. Du bleibst angemeldet.",
    present: "Jetzige Adresse",
    new: "Neue Adresse",
    password: "Dein Passwort",
    send: "Schickt mir den Link",
    back: "Zurück zum Konto",
    pending: [
        "Ein Link ist unterwegs an",
        "und gilt einmal und eine Stunde lang. Nichts da? Sieh bei den unerwünschten Mails nach, \
         oder fordere ihn unten noch einmal an.",
    ],
    same: "Das ist schon deine Adresse.",
    too_many: "Danach wurde sehr oft gefragt. Bitte warte eine Stunde und versuche es dann wieder.",
    confirm_title: "Ist das deine Adresse?",
    confirm: ["Sobald du es bestätigst, gehen Mails und Belege für", "an", "."],
    confirm_button: "Ja, diese Adresse verwenden",
    done: "Deine Adresse ist geändert",
    done_how: "Mails und Belege gehen ab jetzt an {email}. Der bisherigen Adresse haben wir es \
               mitgeteilt.",
    to_account: "Zu deinem Konto",
    used_how: "Dieser Link hat sie geändert, und jeder Link gilt einmal. Welche Adresse gilt, \
               steht auf deiner Kontoseite.",
    over: "Dieser Link gilt nicht mehr",
    over_how: "Ein neuerer ist unterwegs, das Passwort wurde seitdem geändert, oder er ist zu alt. \
               Welche Adresse gilt, steht auf deiner Kontoseite.",
    again: "Schickt mir einen neuen Link",
};
