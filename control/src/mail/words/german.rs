//! The letters in German.

use super::letter_text::LetterText;
use crate::model::workspace::EndReason;

pub(super) const TEXT: LetterText = LetterText {
    tagline: "ein Assistent, der nur dir gehört",
    a_person_reads: "Was du uns schreibst, liest ein Mensch: Antworte auf diese Mail, oder schreib \
                     an",
    button_fails: "Wenn der Knopf nichts tut, öffne diese Adresse:",

    choose_password: "Passwort wählen",
    repair_payment: "Zahlung in Ordnung bringen",
    your_account: "Dein Konto",
    a_month: |price| format!("{price} im Monat"),
    about_link: |lifetime, until, url| {
        format!(
            "Der Link gilt einmal, für {lifetime}: bis {until}. Ist er zu alt, bekommst du einen \
             neuen unter {url}."
        )
    },
    take_out: |url| {
        format!(
            "Auch solange er geschlossen ist, kannst du alles mitnehmen, was darin ist, in einem \
             Archiv: {url}"
        )
    },
    welcome_back: |url| format!("Du bist jederzeit wieder willkommen: {url}"),

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
                    ist verloren: seine Dateien und deine Gespräche. Das tut uns leid. Du musst \
                    nichts tun, und du zahlst dafür nichts weiter.",
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
