//! Letters about money that does not come, and about the end.

use super::{Text, With1, With2, With3};
use crate::base::language::Language;
use crate::model::workspace::EndReason;

/// A field for each text, with what it is given; hosts, prices and times come in as the reader's
/// language writes them.
pub(in crate::mail) struct EndingText {
    pub(in crate::mail) repair_payment: Text,
    pub(in crate::mail) your_account: Text,
    /// Where the export is.
    pub(in crate::mail) take_out: With1,
    /// The site.
    pub(in crate::mail) welcome_back: With1,

    pub(in crate::mail) cancelled: Text,
    /// The host, and until when.
    pub(in crate::mail) cancelled_until: With2,
    /// Where the export is.
    pub(in crate::mail) cancelled_take: With1,
    /// The account page.
    pub(in crate::mail) cancelled_undo: With1,
    /// The host, and since when.
    pub(in crate::mail) cancelled_over: With2,
    pub(in crate::mail) cancelled_deleted: Text,

    pub(in crate::mail) undone: Text,
    /// The host.
    pub(in crate::mail) undone_what: With1,
    /// The price, and the day.
    pub(in crate::mail) undone_next: With2,
    /// The account page.
    pub(in crate::mail) undone_cancel: With1,

    pub(in crate::mail) ended: Text,
    /// The host, and why.
    pub(in crate::mail) ended_what: With2,
    pub(in crate::mail) ended_why: fn(EndReason) -> Text,
    pub(in crate::mail) ended_then: Text,

    pub(in crate::mail) closed: Text,
    pub(in crate::mail) closed_heading: Text,
    /// The host, and until when it is kept.
    pub(in crate::mail) closed_what: With2,
    pub(in crate::mail) closed_then: Text,

    pub(in crate::mail) near: Text,
    pub(in crate::mail) near_last: Text,
    /// The host, and when it is deleted.
    pub(in crate::mail) near_what: With2,
    pub(in crate::mail) near_then: Text,

    pub(in crate::mail) paused: Text,
    /// The host, and since when.
    pub(in crate::mail) paused_what: With2,
    pub(in crate::mail) paused_then: Text,

    pub(in crate::mail) deleted: Text,
    /// The host.
    pub(in crate::mail) deleted_what: With1,
    /// What went, when, and how that is known.
    pub(in crate::mail) deleted_line: With3,
    pub(in crate::mail) deleted_last: Text,

    pub(in crate::mail) payment_failed: Text,
    /// The host, and the price.
    pub(in crate::mail) payment_failed_what: With2,
    pub(in crate::mail) payment_failed_update: Text,
    /// Until when it stays open.
    pub(in crate::mail) payment_failed_until: With1,
}

impl EndingText {
    pub(in crate::mail) fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &ENGLISH,
            Language::German => &GERMAN,
        }
    }
}

const ENGLISH: EndingText = EndingText {
    repair_payment: "Repair the payment",
    your_account: "Your account",
    take_out: |url| {
        format!(
            "While it is closed you can still take out everything that is in it, as one archive: \
             {url}"
        )
    },
    welcome_back: |url| format!("You are welcome back: {url}"),

    cancelled: "Your subscription is cancelled",
    cancelled_until: |host, until| {
        format!(
            "As you asked, {host} will not be renewed. It stays open until {until}; nothing more \
             is charged."
        )
    },
    cancelled_take: |url| {
        format!(
            "Please take with you what you want to keep: after that, the workspace and everything \
             in it is deleted and cannot be brought back. All of it in one archive is at {url}"
        )
    },
    cancelled_undo: |url| {
        format!("If you change your mind, you can undo it until then on your account page: {url}")
    },
    cancelled_over: |host, when| {
        format!(
            "The subscription of {host} ended on {when}, and the workspace is closed. Nothing more \
             is charged."
        )
    },
    cancelled_deleted: "The workspace and everything in it is being deleted.",

    undone: "Your subscription goes on",
    undone_what: |host| {
        format!(
            "The cancellation of {host} is undone: the subscription is renewed as before, and the \
             date that our earlier mail named counts no more."
        )
    },
    undone_next: |price, day| format!("The next payment, {price}, is due on {day}."),
    undone_cancel: |url| format!("You can cancel at any time on your account page: {url}"),

    ended: "Your workspace has ended",
    ended_what: |host, why| format!("{host} is closed. {why}"),
    ended_why: |why| match why {
        EndReason::Unpaid => "No payment arrived until the date that our letters had named.",
        EndReason::Erasure => "You asked us to delete everything about you.",
        EndReason::Subscription => "Its subscription is over.",
        EndReason::Refund => "Its last payment was given back in full.",
        EndReason::Dispute => {
            "Its last payment was taken back by the bank that issued the card. If you did not ask \
             for that, please talk to your bank, and then to us."
        }
    },
    ended_then: "The subscription is ended, and nothing more is charged. The workspace and \
                 everything in it is being deleted.",

    closed: "Your workspace is closed",
    closed_heading: "Your workspace is closed until it is paid for",
    closed_what: |host, ends| {
        format!(
            "No payment has arrived for {host}, so it is closed for now, and what runs in it is \
             stopped. Everything in it is kept until {ends}."
        )
    },
    closed_then: "With the payment it opens again, as you left it. We write to you twice more \
                  before anything is deleted.",

    near: "Your workspace will be deleted",
    near_last: "Last notice: your workspace is about to be deleted",
    near_what: |host, ends| {
        format!(
            "{host} is closed because no payment has arrived. On {ends} it is deleted, with \
             everything in it, and cannot be brought back."
        )
    },
    near_then: "With the payment before that date it opens again, as you left it.",

    paused: "Your subscription is paused",
    paused_what: |host, when| {
        format!(
            "The subscription of {host} is paused since {when}. While it is, nothing is charged, \
             and the workspace is closed. Everything in it is kept."
        )
    },
    paused_then: "As soon as the subscription goes on the workspace opens again.",

    deleted: "Your workspace is deleted",
    deleted_what: |host| {
        format!(
            "{host} and everything in it is deleted. This is your receipt: what went, when, and \
             how we know."
        )
    },
    deleted_line: |what, when, checked| format!("{what}, on {when}: {checked}."),
    deleted_last: "We keep this receipt without your address, and this is the last letter you get \
                   from us about it.",

    payment_failed: "Your payment did not go through",
    payment_failed_what: |host, price| {
        format!(
            "We could not collect the payment for {host}, {price} a month. Often the card has \
             expired."
        )
    },
    payment_failed_update: "Update your payment",
    payment_failed_until: |until| {
        format!(
            "Your workspace stays open until {until}. If nothing has arrived by then it is closed, \
             with everything in it kept, and opens again with the payment."
        )
    },
};

const GERMAN: EndingText = EndingText {
    repair_payment: "Zahlung in Ordnung bringen",
    your_account: "Dein Konto",
    take_out: |url| {
        format!(
            "Auch solange er geschlossen ist, kannst du alles mitnehmen, was darin ist, in einem \
             Archiv: {url}"
        )
    },
    welcome_back: |url| format!("Du bist jederzeit wieder willkommen: {url}"),

    cancelled: "Dein Abonnement ist gekündigt",
    cancelled_until: |host, until| {
        format!(
            "Wie gewünscht wird {host} nicht verlängert. Offen bleibt er bis {until}; abgebucht \
             wird nichts mehr."
        )
    },
    cancelled_take: |url| {
        format!(
            "Bitte nimm mit, was du behalten möchtest: Danach wird der Arbeitsplatz mit allem \
             darin gelöscht und lässt sich nicht zurückholen. Alles in einem Archiv gibt es unter \
             {url}"
        )
    },
    cancelled_undo: |url| {
        format!(
            "Überlegst du es dir anders, kannst du die Kündigung bis dahin auf deiner Kontoseite \
             zurücknehmen: {url}"
        )
    },
    cancelled_over: |host, when| {
        format!(
            "Das Abonnement von {host} endete am {when}, und der Arbeitsplatz ist geschlossen. \
             Abgebucht wird nichts mehr."
        )
    },
    cancelled_deleted: "Der Arbeitsplatz wird gerade mit allem darin gelöscht.",

    undone: "Dein Abonnement läuft weiter",
    undone_what: |host| {
        format!(
            "Die Kündigung von {host} ist zurückgenommen: Das Abonnement wird wie bisher \
             verlängert, und das Datum aus unserem früheren Brief gilt nicht mehr."
        )
    },
    undone_next: |price, day| format!("Die nächste Zahlung, {price}, ist am {day} fällig."),
    undone_cancel: |url| format!("Kündigen kannst du jederzeit auf deiner Kontoseite: {url}"),

    ended: "Dein Arbeitsplatz ist beendet",
    ended_what: |host, why| format!("{host} ist geschlossen. {why}"),
    ended_why: |why| match why {
        EndReason::Unpaid => {
            "Bis zu dem Tag, den unsere Briefe genannt hatten, kam keine Zahlung an."
        }
        EndReason::Erasure => "Du hast uns gebeten, alles über dich zu löschen.",
        EndReason::Subscription => "Das Abonnement ist zu Ende.",
        EndReason::Refund => "Die letzte Zahlung wurde ganz erstattet.",
        EndReason::Dispute => {
            "Die letzte Zahlung wurde von der Bank, von der die Karte ist, zurückgeholt. Wenn du \
             nicht darum gebeten hast, sprich bitte mit deiner Bank, und dann mit uns."
        }
    },
    ended_then: "Das Abonnement ist beendet, und abgebucht wird nichts mehr. Der Arbeitsplatz wird \
                 gerade mit allem darin gelöscht.",

    closed: "Dein Arbeitsplatz ist geschlossen",
    closed_heading: "Dein Arbeitsplatz ist geschlossen, bis er bezahlt ist",
    closed_what: |host, ends| {
        format!(
            "Für {host} kam keine Zahlung an. Deshalb ist er vorerst geschlossen, und was darin \
             läuft, ist angehalten. Alles darin bleibt erhalten bis {ends}."
        )
    },
    closed_then: "Mit der Zahlung öffnet er wieder, so wie du ihn verlassen hast. Wir schreiben \
                  dir noch zweimal, bevor etwas gelöscht wird.",

    near: "Dein Arbeitsplatz wird gelöscht",
    near_last: "Letzter Hinweis: Dein Arbeitsplatz wird bald gelöscht",
    near_what: |host, ends| {
        format!(
            "{host} ist geschlossen, weil keine Zahlung ankam. Am {ends} wird er mit allem darin \
             gelöscht und lässt sich nicht zurückholen."
        )
    },
    near_then: "Mit der Zahlung vor diesem Tag öffnet er wieder, so wie du ihn verlassen hast.",

    paused: "Dein Abonnement ruht",
    paused_what: |host, when| {
        format!(
            "Das Abonnement von {host} ruht seit dem {when}. Solange es ruht, wird nichts abgebucht, \
             und der Arbeitsplatz ist geschlossen. Alles darin bleibt erhalten."
        )
    },
    paused_then: "Sobald das Abonnement weitergeht, öffnet der Arbeitsplatz wieder.",

    deleted: "Dein Arbeitsplatz ist gelöscht",
    deleted_what: |host| {
        format!(
            "{host} ist gelöscht, mit allem darin. Dies ist dein Beleg: was gelöscht wurde, wann, \
             und woher wir es wissen."
        )
    },
    deleted_line: |what, when, checked| format!("{what}, am {when}: {checked}."),
    deleted_last: "Diesen Beleg behalten wir ohne deine Adresse, und dies ist der letzte Brief, \
                   den du darüber von uns bekommst.",

    payment_failed: "Deine Zahlung kam nicht an",
    payment_failed_what: |host, price| {
        format!(
            "Die Zahlung für {host}, {price} im Monat, ließ sich nicht abbuchen. Oft ist die Karte \
             abgelaufen."
        )
    },
    payment_failed_update: "Zahlung erneuern",
    payment_failed_until: |until| {
        format!(
            "Dein Arbeitsplatz bleibt offen bis {until}. Ist bis dahin nichts angekommen, wird er \
             geschlossen; alles darin bleibt erhalten, und mit der Zahlung öffnet er wieder."
        )
    },
};
