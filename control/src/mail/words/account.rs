//! Letters about an order, its workspace, and the way into it.

use super::{Text, With1, With2, With3};
use crate::base::language::Language;

/// A field for each text, with what it is given; hosts, prices and times come in as the reader's
/// language writes them.
pub(in crate::mail) struct AccountText {
    pub(in crate::mail) choose_password: Text,
    /// A price.
    pub(in crate::mail) a_month: With1,
    /// For how long, until when, and where there is a new one.
    pub(in crate::mail) about_link: With3,

    pub(in crate::mail) welcome: Text,
    /// The workspace's address.
    pub(in crate::mail) welcome_choose: With1,
    /// The workspace's address.
    pub(in crate::mail) welcome_moved_in: With1,
    pub(in crate::mail) welcome_open: Text,
    /// Where a link for a new password is asked for.
    pub(in crate::mail) welcome_sign_in: With1,
    pub(in crate::mail) fact_workspace: Text,
    pub(in crate::mail) fact_name: Text,
    pub(in crate::mail) fact_plan: Text,
    pub(in crate::mail) fact_next_payment: Text,
    /// The account page.
    pub(in crate::mail) welcome_cancel: With1,

    pub(in crate::mail) replaced: Text,
    pub(in crate::mail) replaced_heading: Text,
    pub(in crate::mail) replaced_lost: Text,
    /// The workspace's address.
    pub(in crate::mail) replaced_next: With1,

    pub(in crate::mail) order: Text,
    pub(in crate::mail) order_heading: Text,
    /// The host.
    pub(in crate::mail) order_preparing: With1,
    pub(in crate::mail) order_later: Text,

    pub(in crate::mail) another: Text,
    /// The hosts there are, the new one, and the price.
    pub(in crate::mail) another_what: With3,
    /// The account page.
    pub(in crate::mail) another_if: With1,

    pub(in crate::mail) order_failed: Text,
    /// The host.
    pub(in crate::mail) order_failed_what: With1,
    pub(in crate::mail) order_failed_then: Text,
    pub(in crate::mail) order_again: Text,

    /// The host.
    pub(in crate::mail) set_password: With1,

    pub(in crate::mail) reset: Text,
    pub(in crate::mail) reset_heading: Text,
    /// The host.
    pub(in crate::mail) reset_asked: With1,
    pub(in crate::mail) reset_not_you: Text,

    pub(in crate::mail) changed: Text,
    /// The host, and when.
    pub(in crate::mail) changed_what: With2,
    /// Where a link for a new password is asked for.
    pub(in crate::mail) changed_not_you: With1,

    pub(in crate::mail) confirm: Text,
    pub(in crate::mail) confirm_heading: Text,
    /// The host.
    pub(in crate::mail) confirm_asked: With1,
    pub(in crate::mail) confirm_this: Text,
    /// For how long, and until when.
    pub(in crate::mail) confirm_link: With2,
    pub(in crate::mail) confirm_not_you: Text,

    pub(in crate::mail) email_changed: Text,
    /// The host, and when.
    pub(in crate::mail) email_changed_what: With2,
    /// The account page.
    pub(in crate::mail) email_changed_not_you: With1,
    /// The contact page.
    pub(in crate::mail) email_changed_locked_out: With1,
}

impl AccountText {
    pub(in crate::mail) fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &ENGLISH,
            Language::German => &GERMAN,
        }
    }
}

const ENGLISH: AccountText = AccountText {
    choose_password: "Choose your password",
    a_month: |price| format!("{price} a month"),
    about_link: |lifetime, until, url| {
        format!(
            "The link works once, for {lifetime}: until {until}. If it is too old, you get a new \
             one at {url}."
        )
    },

    welcome: "Your workspace is ready",
    welcome_choose: |url| {
        format!("Your assistant has moved in at {url}. Choose a password, and you are in.")
    },
    welcome_moved_in: |url| format!("Your assistant has moved in at {url}."),
    welcome_open: "Open your workspace",
    welcome_sign_in: |url| {
        format!(
            "Sign in with the password you have chosen. Should you forget it, you get a link for a \
             new one at {url}."
        )
    },
    fact_workspace: "Workspace",
    fact_name: "Your name",
    fact_plan: "Plan",
    fact_next_payment: "Next payment",
    welcome_cancel: |url| {
        format!(
            "You can cancel whenever you like, on your account page: {url}. Your workspace then \
             stays open until the end of the month that is paid for."
        )
    },

    replaced: "Your workspace had to be made anew",
    replaced_heading: "What was in your workspace is lost",
    replaced_lost: "The machine that your assistant lived in has failed, and what was in it is \
                    lost: its files, and your conversations. We are sorry. You need not do \
                    anything, and pay nothing more for it.",
    replaced_next: |url| {
        format!(
            "Another machine is being prepared with the skills that you chose, at the same \
             address: {url}. Answer this letter if we may help."
        )
    },

    order: "We have your order",
    order_heading: "Your payment has arrived",
    order_preparing: |host| {
        format!(
            "We are preparing {host}. It takes a little longer than usual; nothing is lost, and \
             there is nothing for you to do."
        )
    },
    order_later: "As soon as it is ready we write to you again, with a link to it.",

    another: "You have more than one workspace now",
    another_what: |others, host, price| {
        format!(
            "With this address you have {others} already. Your new order, {host}, is another \
             workspace with a subscription of its own: each of them costs {price} a month."
        )
    },
    another_if: |url| {
        format!(
            "If that was what you wanted, there is nothing to do. If not, cancel one of them on \
             its account page: {url}"
        )
    },

    order_failed: "Your payment did not arrive",
    order_failed_what: |host| {
        format!(
            "You ordered {host} and chose to pay by bank. The payment did not arrive, so no \
             workspace was opened, and the subscription is ended."
        )
    },
    order_failed_then: "The name is free again. If you still want it, order once more:",
    order_again: "Order again",

    set_password: |host| {
        format!("Here is a new link for your workspace {host}. Earlier ones work no more.")
    },

    reset: "A new password",
    reset_heading: "Choose a new password",
    reset_asked: |host| format!("Somebody, probably you, asked for a new password for {host}."),
    reset_not_you: "If it was not you, there is nothing to do: without this link your password \
                    stays as it is.",

    changed: "Your password was changed",
    changed_what: |host, when| {
        format!("The password of {host} was changed on {when}. Every other browser was signed out.")
    },
    changed_not_you: |url| format!("If it was not you, choose a new one at once: {url}"),

    confirm: "Is this your address?",
    confirm_heading: "Confirm your new address",
    confirm_asked: |host| {
        format!("Somebody, probably you, wants letters about {host} to come to this address.")
    },
    confirm_this: "Confirm this address",
    confirm_link: |lifetime, until| format!("The link works once, for {lifetime}: until {until}."),
    confirm_not_you: "If it was not you, there is nothing to do: without this link nothing \
                      changes, and you hear no more of it.",

    email_changed: "Your e-mail address was changed",
    email_changed_what: |host, when| {
        format!(
            "Letters about {host} go to another address since {when}. This is the last one that \
             comes here. The password is as it was, and links for a new one that were sent here \
             before work no more."
        )
    },
    email_changed_not_you: |url| {
        format!(
            "If it was not you, somebody else knows your password. Sign in at once, choose another \
             password and change the address back: {url}"
        )
    },
    email_changed_locked_out: |url| {
        format!(
            "If you cannot sign in any more, write to us: {url}. We close the workspace for \
             everybody until it is clear whose it is."
        )
    },
};

const GERMAN: AccountText = AccountText {
    choose_password: "Passwort wählen",
    a_month: |price| format!("{price} im Monat"),
    about_link: |lifetime, until, url| {
        format!(
            "Der Link gilt einmal, für {lifetime}: bis {until}. Ist er zu alt, bekommst du einen \
             neuen unter {url}."
        )
    },

    welcome: "Dein Arbeitsplatz ist bereit",
    welcome_choose: |url| {
        format!("Dein Assistent ist eingezogen: {url}. Wähle ein Passwort, und du bist drin.")
    },
    welcome_moved_in: |url| format!("Dein Assistent ist eingezogen: {url}."),
    welcome_open: "Deinen Arbeitsplatz öffnen",
    welcome_sign_in: |url| {
        format!(
            "Melde dich mit dem Passwort an, das du gewählt hast. Solltest du es vergessen, \
             bekommst du einen Link für ein neues unter {url}."
        )
    },
    fact_workspace: "Arbeitsplatz",
    fact_name: "Dein Name",
    fact_plan: "Tarif",
    fact_next_payment: "Nächste Zahlung",
    welcome_cancel: |url| {
        format!(
            "Kündigen kannst du jederzeit, auf deiner Kontoseite: {url}. Dein Arbeitsplatz bleibt \
             dann offen bis zum Ende des Monats, der bezahlt ist."
        )
    },

    replaced: "Dein Arbeitsplatz musste neu gemacht werden",
    replaced_heading: "Was in deinem Arbeitsplatz war, ist verloren",
    replaced_lost: "Die Maschine, in der dein Assistent lebte, ist ausgefallen, und was darin war, \
                    ist verloren: seine Dateien und deine Unterhaltungen. Das tut uns leid. Du \
                    musst nichts tun, und du zahlst dafür nichts weiter.",
    replaced_next: |url| {
        format!(
            "Eine andere Maschine wird gerade vorbereitet, mit den Fähigkeiten, die du gewählt \
             hast, unter derselben Adresse: {url}. Antworte auf diesen Brief, wenn wir helfen \
             können."
        )
    },

    order: "Wir haben deine Bestellung",
    order_heading: "Deine Zahlung ist angekommen",
    order_preparing: |host| {
        format!(
            "Wir bereiten {host} vor. Es dauert ein wenig länger als sonst; verloren ist nichts, \
             und zu tun ist für dich auch nichts."
        )
    },
    order_later: "Sobald alles bereit ist, schreiben wir dir wieder, mit einem Link dorthin.",

    another: "Du hast jetzt mehr als einen Arbeitsplatz",
    another_what: |others, host, price| {
        format!(
            "Mit dieser Adresse hast du schon {others}. Deine neue Bestellung, {host}, ist ein \
             weiterer Arbeitsplatz mit einem eigenen Abonnement: Jeder von ihnen kostet {price} im \
             Monat."
        )
    },
    another_if: |url| {
        format!(
            "Wolltest du das, ist nichts zu tun. Wenn nicht, kündige einen davon auf seiner \
             Kontoseite: {url}"
        )
    },

    order_failed: "Deine Zahlung ist nicht angekommen",
    order_failed_what: |host| {
        format!(
            "Du hast {host} bestellt und wolltest über deine Bank bezahlen. Die Zahlung ist nicht \
             angekommen; deshalb wurde kein Arbeitsplatz eröffnet, und das Abonnement ist beendet."
        )
    },
    order_failed_then: "Der Name ist wieder frei. Möchtest du ihn noch, bestell noch einmal:",
    order_again: "Noch einmal bestellen",

    set_password: |host| {
        format!(
            "Hier ist ein neuer Link für deinen Arbeitsplatz {host}. Frühere gelten nicht mehr."
        )
    },

    reset: "Ein neues Passwort",
    reset_heading: "Wähle ein neues Passwort",
    reset_asked: |host| format!("Jemand, vermutlich du, möchte ein neues Passwort für {host}."),
    reset_not_you: "Wenn du es nicht warst, ist nichts zu tun: Ohne diesen Link bleibt dein \
                    Passwort, wie es ist.",

    changed: "Dein Passwort wurde geändert",
    changed_what: |host, when| {
        format!(
            "Das Passwort von {host} wurde am {when} geändert. Jeder andere Browser wurde \
             abgemeldet."
        )
    },
    changed_not_you: |url| format!("Wenn du es nicht warst, wähle sofort ein neues: {url}"),

    confirm: "Ist das deine Adresse?",
    confirm_heading: "Bestätige deine neue Adresse",
    confirm_asked: |host| {
        format!("Jemand, vermutlich du, möchte Briefe über {host} an diese Adresse bekommen.")
    },
    confirm_this: "Diese Adresse bestätigen",
    confirm_link: |lifetime, until| format!("Der Link gilt einmal, für {lifetime}: bis {until}."),
    confirm_not_you: "Wenn du es nicht warst, ist nichts zu tun: Ohne diesen Link ändert sich \
                      nichts, und du hörst nicht mehr davon.",

    email_changed: "Deine E-Mail-Adresse wurde geändert",
    email_changed_what: |host, when| {
        format!(
            "Geändert am {when}: Briefe über {host} gehen jetzt an eine andere Adresse. Dies ist \
             der letzte, der hierher kommt. Das Passwort ist dasselbe geblieben, und Links für ein \
             neues, die vorher hierher gesandt wurden, gelten nicht mehr."
        )
    },
    email_changed_not_you: |url| {
        format!(
            "Wenn du es nicht warst, kennt jemand anderes dein Passwort. Melde dich sofort an, \
             wähle ein anderes Passwort, und ändere die Adresse zurück: {url}"
        )
    },
    email_changed_locked_out: |url| {
        format!(
            "Wenn du dich nicht mehr anmelden kannst, schreib uns: {url}. Wir schließen den \
             Arbeitsplatz für alle, bis klar ist, wem er gehört."
        )
    },
};
