//! The start page with its form, and what is wrong with what was typed into it.

use crate::model::skills::SkillGroup;
use crate::site::language::Language;

words! {
    HomeText {
        title: "An assistant that is only yours", "Ein Assistent, der nur dir gehört";
        /// With `{price}` in it.
        description: "A private AI assistant on a machine of its own, at an address of its own. \
             {price} a month.",
            "Ein eigener KI-Assistent auf einer eigenen Maschine, unter einer eigenen Adresse. \
             {price} im Monat.";
        picture: "The chat page: a question about three days in Lisbon, and the answer with the \
             weather and a plan for each day in a table.",
            "Die Chatseite: eine Frage nach drei Tagen in Lissabon, und die Antwort mit dem Wetter \
             und einem Plan für jeden Tag in einer Tabelle.";
        to_form: "Skills and price", "Fähigkeiten und Preis";
        account: "Account", "Konto";
        sign_in: "Sign in", "Anmelden";
        /// With `{price}` in it.
        lead: "A private AI assistant on a machine of its own, at an address of its own. Pick what \
             it can do, pay {price} a month, and talk to it a minute later, in any browser.",
            "Ein eigener KI-Assistent auf einer eigenen Maschine, unter einer eigenen Adresse. Wähle, \
             was er kann, bezahle {price} im Monat und sprich eine Minute später mit ihm, in jedem \
             Browser.";
        /// With `{name}` in it.
        open: "Open {name}’s workspace", "Arbeitsplatz von {name} öffnen";
        /// With `{price}` in it.
        start: "Start for {price} a month", "Beginnen für {price} im Monat";
        fine: "Cancel any time with one button. Nothing of yours stays behind.",
            "Jederzeit mit einem Knopf kündbar. Nichts von dir bleibt zurück.";
        how: "From here to the first answer", "Von hier zur ersten Antwort";
        how_choose: "Choose", "Wählen";
        how_choose_what: "Pick a name and the skills you want. The name becomes your address.",
            "Such dir einen Namen und die Fähigkeiten aus. Der Name wird deine Adresse.";
        how_pay: "Pay", "Bezahlen";
        /// With `{price}` in it.
        how_pay_what: "{price} a month, on Stripe’s page. Your card never touches our servers.",
            "{price} im Monat, auf der Seite von Stripe. Deine Karte berührt unsere Server nie.";
        how_talk: "Talk", "Sprechen";
        how_talk_what: "Set a password while your workspace comes up. Then write to it as to a \
             person.",
            "Setz ein Passwort, während dein Arbeitsplatz entsteht. Dann schreib ihm wie einem \
             Menschen.";
        features: "Made for one person at a time", "Für einen Menschen gemacht";
        machine: "A machine of its own", "Eine eigene Maschine";
        machine_what: "Your assistant shares no disk, no memory and no process with anybody \
             else’s.",
            "Dein Assistent teilt keine Festplatte, keinen Speicher und keinen Prozess mit einem \
             anderen.";
        address: "An address of its own", "Eine eigene Adresse";
        address_what: "Under the name you chose, on the phone as at the desk. There is nothing to \
             install.",
            "Unter dem Namen, den du gewählt hast, am Telefon wie am Schreibtisch. Zu installieren \
             ist nichts.";
        chosen: "The skills you choose", "Die Fähigkeiten, die du wählst";
        chosen_what: "It can do what you picked. What you did not pick is switched off.",
            "Er kann, was du ausgesucht hast. Was du nicht ausgesucht hast, ist ausgeschaltet.";
        private: "Closed to others", "Für andere verschlossen";
        private_what: "Only whoever has your password gets in. Sign any browser out, or all of \
             them, with one button.",
            "Hinein kommt nur, wer dein Passwort hat. Jeden Browser, oder alle, meldest du mit einem \
             Knopf ab.";
        watched: "Looked after", "Gut betreut";
        watched_what: "It is watched day and night, and put right when it stumbles. You need not \
             know how.",
            "Er wird Tag und Nacht überwacht und wieder aufgerichtet, wenn er stolpert. Wie, musst \
             du nicht wissen.";
        gone: "Gone when you go", "Weg, wenn du gehst";
        gone_what: "When you leave, the door closes at once, and the machine is destroyed with \
             everything on it.",
            "Wenn du gehst, schließt die Tür sofort, und die Maschine wird mit allem darauf \
             zerstört.";
        form: "Put yours together", "Stell deinen zusammen";
        again: "Almost there", "Fast geschafft";
        look_again: "Please look at this again:", "Bitte sieh dir das noch einmal an:";
        skills: "Skills", "Fähigkeiten";
        skills_hint: "Choose any, or none: the price stays the same.",
            "Wähle beliebig viele, oder keine: Der Preis bleibt gleich.";
        needs: "Needs", "Braucht";
        a_month: "a month", "im Monat";
        included_machine: "A machine and an address of your own", "Eine eigene Maschine und Adresse";
        included_skills: "Every skill you pick, files and search in all conversations",
            "Jede gewählte Fähigkeit, Dateien und Suche in allen Unterhaltungen";
        included_help: "Repairs, renewals and help by mail", "Reparaturen, Erneuerungen und Hilfe per Mail";
        included_cancel: "Cancel any time, with one button", "Jederzeit kündbar, mit einem Knopf";
        email: "E-mail", "E-Mail";
        email_hint: "For the receipt and the link to your workspace.",
            "Für den Beleg und den Link zu deinem Arbeitsplatz.";
        name: "Your address", "Deine Adresse";
        name_optional: "(optional)", "(freiwillig)";
        name_is: "Your address is then", "Deine Adresse ist dann";
        name_example: "name", "name";
        name_empty: "Leave it empty, and the name is made out of your e-mail address.",
            "Lass das Feld leer, und der Name entsteht aus deiner E-Mail-Adresse.";
        pay: "Continue to payment", "Weiter zur Zahlung";
        pay_hint: "You pay on Stripe’s page and come back here. By ordering you agree to what \
             stands under",
            "Du bezahlst auf der Seite von Stripe und kommst hierher zurück. Mit der Bestellung \
             stimmst du dem zu, was unter";
        legal: "Legal", "Rechtliches";
        and: "and", "und";
        privacy: "Privacy", "Datenschutz";
        pay_end: ".", "steht.";
        asked: "Asked often", "Oft gefragt";
        who_reads: "Who can read what I write?", "Wer kann lesen, was ich schreibe?";
        who_reads_a: "Your conversations are kept on the machine of your own assistant. It is not \
             shared with other customers, and nobody else has a way in. What the assistant asks a \
             language model goes to the provider of that model.",
            "Deine Unterhaltungen liegen auf der Maschine deines eigenen Assistenten. Sie wird mit \
             niemandem geteilt, und niemand sonst hat einen Weg hinein. Was der Assistent ein \
             Sprachmodell fragt, geht an den Anbieter dieses Modells.";
        which_model: "Which model answers?", "Welches Modell antwortet?";
        where_data: "Where is my data?", "Wo sind meine Daten?";
        /// With `{location}` in it, which begins with a comma where it is known.
        where_data_a: "On the machine of your own assistant{location}, and nowhere else: we have \
             your e-mail address, your name here and the skills you chose. You can take every \
             conversation along as a file, at any time.",
            "Auf der Maschine deines eigenen Assistenten{location}, und nirgends sonst: Wir haben \
             deine E-Mail-Adresse, deinen Namen hier und die Fähigkeiten, die du gewählt hast. Jede \
             Unterhaltung kannst du jederzeit als Datei mitnehmen.";
        /// With `{price}` in it.
        what_included: "What does {price} include, and what not?", "Was enthält {price}, und was nicht?";
        what_included_a: "The machine, the address, every skill you pick, repairs and help. \
             Accounts and keys that a skill needs, such as one of Notion’s, are your own, and so is \
             what their makers charge for them.",
            "Die Maschine, die Adresse, jede gewählte Fähigkeit, Reparaturen und Hilfe. Konten und \
             Schlüssel, die eine Fähigkeit braucht, etwa einer von Notion, sind deine eigenen, und \
             auch, was ihre Anbieter dafür verlangen.";
        refund: "Do I get my money back?", "Bekomme ich mein Geld zurück?";
        refund_a: "Write to us if something is not as it should be. A month that is given back ends \
             your workspace with it. When you cancel, no further payment follows, and what is paid \
             for stays open until its end.",
            "Schreib uns, wenn etwas nicht ist, wie es sein soll. Ein Monat, der erstattet wird, \
             beendet auch deinen Arbeitsplatz. Wenn du kündigst, folgt keine Zahlung mehr, und was \
             bezahlt ist, bleibt bis zu seinem Ende offen.";
        who_runs: "Who runs this?", "Wer betreibt das?";
        who_runs_a: "Names and addresses stand under", "Namen und Adressen stehen unter";
        contact: "Contact", "Kontakt";
        change_later: "Can I change the name or the skills later?",
            "Kann ich Namen oder Fähigkeiten später ändern?";
        change_later_a: "The name is your address and stays. Write to us to change the skills; you \
             need not order anew.",
            "Der Name ist deine Adresse und bleibt. Um die Fähigkeiten zu ändern, schreib uns; neu \
             bestellen musst du nicht.";
        payment_fails: "What if the payment fails?", "Was, wenn die Zahlung scheitert?";
        payment_fails_a: "Then nothing is taken from you, and your choices are kept for a day so \
             that you can try again. If a later renewal fails, your workspace stays open for a \
             while, and we tell you by mail.",
            "Dann wird dir nichts abgebucht, und was du gewählt hast, bleibt einen Tag erhalten, \
             damit du es wieder versuchen kannst. Scheitert später eine Verlängerung, bleibt dein \
             Arbeitsplatz eine Weile offen, und wir sagen es dir per Mail.";
        how_cancel: "How do I cancel?", "Wie kündige ich?";
        how_cancel_a: "On your account page, with one button. You keep what you paid for until the \
             end of the month, and then the machine is destroyed with everything on it.",
            "Auf deiner Kontoseite, mit einem Knopf. Was du bezahlt hast, behältst du bis zum Ende \
             des Monats; dann wird die Maschine mit allem darauf zerstört.";
        taken: "This name is taken.", "Dieser Name ist vergeben.";
        no_receipt: "No receipt can be sent to this address. Please look at it again.",
            "An diese Adresse lässt sich kein Beleg senden. Bitte sieh sie dir noch einmal an.";
        too_many: "There were very many sign-ups from your network. Nothing was charged. Please try \
             again later.",
            "Aus deinem Netz kamen sehr viele Bestellungen. Nichts wurde abgebucht. Bitte versuche \
             es später wieder.";
        away: "The payment page does not answer right now. Nothing was charged. Please try again in \
             a moment.",
            "Die Zahlungsseite antwortet gerade nicht. Nichts wurde abgebucht. Bitte versuche es in \
             einem Moment wieder.";
        closed: "Signing up is not possible here. Nothing was charged.",
            "Hier kann man nicht bestellen. Nichts wurde abgebucht.";
    }
}

impl HomeText {
    /// The title of a group of skills, and what stands before the first of them.
    pub(in crate::site) fn group(language: Language, group: SkillGroup) -> [&'static str; 2] {
        use SkillGroup::{AtOnce, Connect, Developers};
        match (language, group) {
            (Language::English, AtOnce) => ["Works at once", "Nothing to set up."],
            (Language::English, Connect) => {
                ["Connect an account", "You connect it later, in your workspace."]
            }
            (Language::English, Developers) => {
                ["For developers", "Each says what it needs of you."]
            }
            (Language::German, AtOnce) => ["Geht sofort", "Nichts einzurichten."],
            (Language::German, Connect) => {
                ["Konto verbinden", "Du verbindest es später, in deinem Arbeitsplatz."]
            }
            (Language::German, Developers) => {
                ["Für Entwickler", "Jede sagt, was sie von dir braucht."]
            }
        }
    }
}
