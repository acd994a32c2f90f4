//! What is said of an order, in each language.

use super::stage::Stage;
use crate::base::language::Language::{self, English, German};

/// What stands in the sentences.
pub(super) struct About<'a> {
    pub(super) host: &'a str,
    /// Masked.
    pub(super) email: &'a str,
    pub(super) ticket: Option<&'a str>,
    pub(super) is_late: bool,
    pub(super) has_password: bool,
    pub(super) is_owner: bool,
}

pub(super) fn headline(language: Language, stage: Stage) -> &'static str {
    let [english, german] = match stage {
        Stage::Unpaid => ["Waiting for your payment", "Wir warten auf deine Zahlung"],
        Stage::Pending => ["Your bank is on it", "Deine Bank ist dabei"],
        Stage::Expired => ["This order has ended", "Diese Bestellung ist zu Ende"],
        Stage::Declined => ["The payment did not go through", "Die Zahlung kam nicht zustande"],
        Stage::Preparing => {
            ["Your workspace is being prepared", "Dein Arbeitsplatz wird vorbereitet"]
        }
        Stage::Stuck => {
            ["Something is in the way on our side", "Auf unserer Seite ist etwas im Weg"]
        }
        Stage::Live => ["Your workspace is ready", "Dein Arbeitsplatz ist bereit"],
        Stage::Suspended => ["This workspace is closed", "Dieser Arbeitsplatz ist geschlossen"],
        Stage::Ended => ["This workspace has ended", "Diesen Arbeitsplatz gibt es nicht mehr"],
    };
    match language {
        English => english,
        German => german,
    }
}

pub(super) fn text(language: Language, stage: Stage, about: &About<'_>) -> String {
    let About { host, email, .. } = about;
    let text = match (language, stage) {
        (English, Stage::Unpaid) => {
            "We have not heard of it from Stripe yet. If you have paid, your payment is safe: there \
             is no need to pay again, and this page goes on by itself. If you have not, nothing was \
             charged, and your choices are kept for a while."
        }
        (German, Stage::Unpaid) => {
            "Stripe hat uns noch nichts davon gesagt. Hast du bezahlt, ist deine Zahlung sicher: Du \
             musst nicht noch einmal bezahlen, und diese Seite geht von selbst weiter. Hast du nicht \
             bezahlt, wurde nichts abgebucht, und was du gewählt hast, bleibt eine Weile erhalten."
        }
        (English, Stage::Pending) => {
            return format!(
                "We have your order. A payment by bank takes a few working days; when it is here, \
                 we prepare {host} and write to {email}."
            );
        }
        (German, Stage::Pending) => {
            return format!(
                "Wir haben deine Bestellung. Eine Zahlung über die Bank dauert ein paar Werktage; \
                 wenn sie da ist, bereiten wir {host} vor und schreiben an {email}."
            );
        }
        (English, Stage::Expired) => "It was not paid in time, and nothing was charged.",
        (German, Stage::Expired) => {
            "Sie wurde nicht rechtzeitig bezahlt, und nichts wurde abgebucht."
        }
        (English, Stage::Declined) => {
            "Your bank refused it, and nothing was charged. You can try again, also with another \
             card or account."
        }
        (German, Stage::Declined) => {
            "Deine Bank hat sie abgelehnt, und nichts wurde abgebucht. Du kannst es wieder \
             versuchen, auch mit einer anderen Karte oder einem anderen Konto."
        }
        (English, Stage::Preparing) if about.is_late => {
            "Your payment has arrived and is safe. This takes longer than usual; it goes on by \
             itself, and nothing is charged twice."
        }
        (German, Stage::Preparing) if about.is_late => {
            "Deine Zahlung ist da und sicher. Es dauert länger als sonst; es geht von selbst \
             weiter, und nichts wird zweimal abgebucht."
        }
        (English, Stage::Preparing) => {
            "Your payment has arrived. This usually takes less than a minute, and you can watch it \
             here."
        }
        (German, Stage::Preparing) => {
            "Deine Zahlung ist da. Das dauert meist weniger als eine Minute, und du kannst hier \
             zusehen."
        }
        (English, Stage::Stuck) => {
            let ticket = about.ticket.map(|id| format!(" (ticket {id})")).unwrap_or_default();
            return format!(
                "Your payment is safe, and you will not be charged twice. We have been told{ticket} \
                 and are looking into it. When your workspace is ready, we write to {email}: there \
                 is nothing you need to do."
            );
        }
        (German, Stage::Stuck) => {
            let ticket = about.ticket.map(|id| format!(" (Ticket {id})")).unwrap_or_default();
            return format!(
                "Deine Zahlung ist sicher, und nichts wird zweimal abgebucht. Wir wissen \
                 davon{ticket} und kümmern uns darum. Wenn dein Arbeitsplatz bereit ist, schreiben \
                 wir an {email}: Du musst nichts tun."
            );
        }
        (language, Stage::Live) => return ready(language, about),
        (English, Stage::Suspended) => {
            "Your account page says how it stands, and what can be done."
        }
        (German, Stage::Suspended) => {
            "Auf deiner Kontoseite steht, wie es damit steht und was sich tun lässt."
        }
        (English, Stage::Ended) => {
            "Its subscription is over, and it is deleted with everything in it. You are welcome to \
             order another."
        }
        (German, Stage::Ended) => {
            "Sein Abonnement ist zu Ende, und er ist mit allem darin gelöscht. Du kannst gern einen \
             neuen bestellen."
        }
    };
    text.to_owned()
}

fn ready(language: Language, about: &About<'_>) -> String {
    let About { host, email, .. } = about;
    match (language, about.has_password, about.is_owner) {
        (English, true, _) => format!("It answers at {host}."),
        (German, true, _) => format!("Er antwortet unter {host}."),
        (English, false, true) => {
            format!("It answers at {host}. Choose a password, and you can go in.")
        }
        (German, false, true) => {
            format!("Er antwortet unter {host}. Wähle ein Passwort, dann kannst du hinein.")
        }
        (English, false, false) => {
            format!("It answers at {host}. The mail to {email} has the link that lets you in.")
        }
        (German, false, false) => format!(
            "Er antwortet unter {host}. In der Mail an {email} ist der Link, der dich hineinlässt."
        ),
    }
}

pub(super) fn you_may_leave(language: Language, email: &str) -> String {
    match language {
        English => {
            format!("You can close this page: we write to {email} when everything is ready.")
        }
        German => format!(
            "Du kannst diese Seite schließen: Wir schreiben an {email}, wenn alles bereit ist."
        ),
    }
}
