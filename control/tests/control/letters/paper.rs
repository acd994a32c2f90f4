//! What the letters look like, in both of their forms.

use std::collections::BTreeSet;
use std::time::Duration;

use control::base::clock::Moment;
use control::base::email_address::Email;
use control::base::language::Language;
use control::mail::MailRenderer;
use control::model::email_change::NewEmailChange;
use control::model::mail::{MailKind, Message, NewMail, Recipient};
use control::model::password_link::{NewLink, Purpose};
use control::model::receipt::{Receipt, ReceiptLine};
use control::model::sign_up::SignUpId;
use control::model::workspace::EndReason;
use serde_json::Value;
use shared::PublicSite;

const NOW: Moment = Moment::from_seconds(1_800_000_000);

fn renderer() -> MailRenderer {
    let site = PublicSite::new("arca.test", "https://arca.test".parse().unwrap()).unwrap();
    let reply_to = Some("help@arca.test".to_owned());
    MailRenderer { reply_to, ..MailRenderer::new(&site, control::app::site_config::PRICE, None) }
}

fn write(letter: Message<'_>, language: Language) -> (NewMail, Value) {
    let username = "ada".parse().unwrap();
    let recipient = Recipient { username, email: "ada@mail.test", language };
    let mail = renderer().write("id/1".to_owned(), recipient, letter, NOW);
    let body = serde_json::from_str(mail.body.as_str()).unwrap();
    (mail, body)
}

/// Where one is named, every letter is left there for somebody to look at.
fn keep(name: &str, body: &Value) {
    let Ok(folder) = std::env::var("ARCA_TEST_LETTERS") else { return };
    for form in ["html", "text"] {
        let text = body[form].as_str().unwrap();
        std::fs::write(format!("{folder}/{name}.{form}"), text).unwrap();
    }
}

fn receipt() -> Receipt {
    let line = ReceiptLine {
        what: "Your machine is destroyed".to_owned(),
        at: NOW.seconds(),
        checked: "its provider does not know it any more".to_owned(),
    };
    Receipt {
        signup: SignUpId::random(),
        username: "ada".parse().unwrap(),
        reason: EndReason::Subscription,
        lines: vec![line],
        created: NOW,
    }
}

/// Every letter there is, with a name for its file.
fn with_each_letter(receipt: &Receipt, mut look: impl FnMut(&str, Message<'_>)) {
    let link = NewLink::draw("ada".parse().unwrap(), Purpose::Reset, NOW);
    let email = Email::parse("new@mail.test").unwrap();
    let change = NewEmailChange::draw("ada".parse().unwrap(), email, NOW);
    let others = ["bob".parse().unwrap(), "eve".parse().unwrap()];
    let later = NOW.after(Duration::from_secs(20 * 86_400));
    let letters = [
        ("welcome", Message::Welcome { link: Some(&link), next_payment: Some(later) }),
        ("welcome-back", Message::Welcome { link: None, next_payment: None }),
        ("order", Message::OrderReceived),
        ("another", Message::AnotherWorkspace { others: &others }),
        ("order-failed", Message::OrderFailed),
        ("set", Message::SetPassword { link: &link }),
        ("reset", Message::ResetPassword { link: &link }),
        ("changed", Message::PasswordChanged),
        ("confirm", Message::ConfirmEmail { change: &change }),
        ("email-changed", Message::EmailChanged),
        ("cancelled", Message::Cancelled { until: later }),
        ("ended", Message::Cancelled { until: NOW }),
        ("undone", Message::CancellationUndone { next_payment: Some(later) }),
        ("undone-unpaid", Message::CancellationUndone { next_payment: None }),
        ("closed", Message::Closed { ends: later }),
        ("near", Message::EndIsNear { ends: later, is_last: false }),
        ("last", Message::EndIsNear { ends: later, is_last: true }),
        ("paused", Message::Paused),
        ("replaced", Message::MachineReplaced),
        ("ended-unpaid", Message::Ended { why: EndReason::Unpaid }),
        ("ended-refund", Message::Ended { why: EndReason::Refund }),
        ("ended-dispute", Message::Ended { why: EndReason::Dispute }),
        ("payment", Message::PaymentFailed { grace_until: later }),
        ("deleted", Message::Deleted { receipt }),
    ];
    for kind in MailKind::ALL {
        assert!(letters.iter().any(|(_, letter)| letter.kind() == kind), "{kind:?} is not here");
    }
    for (name, letter) in letters {
        look(name, letter);
    }
}

/// What is secret in a letter.
fn token(letter: Message<'_>) -> Option<&str> {
    match letter {
        Message::Welcome { link: Some(link), .. }
        | Message::SetPassword { link }
        | Message::ResetPassword { link } => Some(link.token.expose()),
        Message::ConfirmEmail { change } => Some(change.token.expose()),
        _ => None,
    }
}

fn check(name: &str, letter: Message<'_>, language: Language) {
    let (mail, body) = write(letter, language);
    keep(&format!("{name}.{}", language.tag()), &body);
    let (html, text) = (body["html"].as_str().unwrap(), body["text"].as_str().unwrap());
    assert!(!text.contains("\n\n\n") && !text.contains(['<', '{', '}']), "{name}: {text}");
    assert!(text.ends_with("\nhttps://arca.test"), "{name}: {text}");
    assert!(html.contains(&format!("<html lang=\"{}\">", language.tag())), "{name}: {html}");
    for word in text.split_whitespace().filter(|word| word.contains("://")) {
        let address = word.trim_end_matches(['.', ',', ';']);
        assert!(html.contains(&format!("href=\"{address}\"")), "{name}: {address} in {html}");
    }
    assert_eq!(mail.expires, letter.expires());
    if let Some(token) = token(letter) {
        assert!(text.contains(token) && !format!("{mail:?}{letter:?}").contains(token), "{name}");
    }
}

#[test]
fn html_and_text_say_the_same_in_every_language() {
    with_each_letter(&receipt(), |name, letter| {
        for language in Language::ALL {
            check(name, letter, language);
        }
    });
}

/// Of a letter, without the addresses and names that are the same in every language.
fn sentences(body: &Value) -> BTreeSet<String> {
    let text = body["text"].as_str().unwrap().to_owned() + "\n" + body["subject"].as_str().unwrap();
    let is_one =
        |line: &&str| line.split_whitespace().filter(|word| !word.contains('.')).count() > 1;
    text.lines().filter(is_one).map(str::to_owned).collect()
}

#[test]
fn english_and_german_have_no_line_in_common() {
    let receipt = receipt();
    let german = ReceiptLine { what: "Weg".to_owned(), at: 1, checked: "ist weg".to_owned() };
    let german = Receipt { lines: vec![german], ..receipt.clone() };
    with_each_letter(&receipt, |name, letter| {
        let in_german = match letter {
            Message::Deleted { .. } => Message::Deleted { receipt: &german },
            letter => letter,
        };
        let english = sentences(&write(letter, Language::English).1);
        let german = sentences(&write(in_german, Language::German).1);
        let both: Vec<_> = english.intersection(&german).collect();
        assert!(both.is_empty(), "{name} says the same in both: {both:?}");
    });
}

#[test]
fn a_letter_reads_well_as_text() {
    let later = NOW.after(Duration::from_secs(20 * 86_400));
    let (_, body) = write(Message::Cancelled { until: later }, Language::English);
    let expected = "\
Your subscription is cancelled

As you asked, ada.arca.test will not be renewed. It stays open until 4 February 2027, 08:00 UTC; \
nothing more is charged.

Please take with you what you want to keep: after that, the workspace and everything in it is \
deleted and cannot be brought back. All of it in one archive is at https://arca.test/account#export

If you change your mind, you can undo it until then on your account page: \
https://arca.test/account

--
A person reads what you write to us: answer this mail, or write to help@arca.test.
Arcamatrix · an assistant that is only yours
https://arca.test";
    assert_eq!(body["text"], expected);
    assert_eq!(body["subject"], "Your subscription is cancelled · Arcamatrix");
}
