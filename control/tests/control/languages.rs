//! The site in German: whatever it says in English, it says otherwise.

use std::collections::BTreeSet;
use std::path::Path;

use control::base::email_address::Email;
use control::base::language::Language;
use control::model::email_change::NewEmailChange;
use control::model::mail::{Message, Recipient};
use control::model::password_link::{NewLink, Purpose};

use reqwest::Method;

use crate::common::browser::{ADA, Browser, Page};
use crate::common::order::{Order, welcome};
use crate::common::{PASSWORD, SITE, World};

/// What is the same in both languages: names, and what an operator writes.
const THE_SAME: [&str; 1] = ["arca.test"];

type Fields<'a> = &'a [(&'a str, &'a str)];

/// What a reader meets on a page: its text, and what is said in the place of a picture.
fn said(html: &str) -> BTreeSet<String> {
    let mut said = BTreeSet::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        let (text, from) = rest.split_at(start);
        said.insert(text.trim().to_owned());
        let end = from.find('>').expect("tags are closed");
        let tag = &from[..end];
        for attribute in ["aria-label=\"", "alt=\"", "title=\"", "placeholder=\""] {
            if let Some((_, value)) = tag.split_once(attribute) {
                said.insert(value.split('"').next().unwrap().to_owned());
            }
        }
        rest = &from[end + 1..];
    }
    said
}

/// What has two words or more, of which English and German have none in common.
fn sentences(page: &Page) -> BTreeSet<String> {
    let is_word = |word: &str| {
        let word = word.trim_matches(|c: char| c.is_ascii_punctuation());
        !word.is_empty() && word.chars().all(char::is_alphabetic)
    };
    let is_one = |text: &String| {
        let words = text.split_whitespace().filter(|word| is_word(word)).count();
        words > 1 && !THE_SAME.iter().any(|same| text.contains(same))
    };
    said(&page.body).into_iter().filter(is_one).collect()
}

async fn ask(browser: &mut Browser<'_>, path: &str, form: Option<Fields<'_>>) -> Page {
    let url = format!("{SITE}{path}");
    match form {
        Some(fields) => browser.submit(&url, fields).await,
        None => browser.open(&url).await,
    }
}

/// What is asked for twice shows a page in each language that share no sentence.
async fn check(browser: &mut Browser<'_>, path: &str, form: Option<Fields<'_>>) {
    browser.language = Some("en");
    let english = ask(browser, path, form).await;
    browser.language = Some("de-AT,de;q=0.9,en;q=0.8");
    let german = ask(browser, path, form).await;
    assert_eq!(english.status, german.status, "{path}");
    assert!(english.body.contains("<html lang=\"en\">"), "{path}: {english:?}");
    assert!(german.body.contains("<html lang=\"de\">"), "{path}: {german:?}");
    let (english, german) = (sentences(&english), sentences(&german));
    assert!(!german.is_empty(), "{path} says nothing");
    let both: Vec<_> = english.intersection(&german).collect();
    assert!(both.is_empty(), "{path} says the same in both: {both:?}");
}

#[tokio::test]
async fn the_start_page_its_form_and_its_mistakes_are_german() {
    let world = World::start(&[]).await;
    let mut browser = Browser::new(&world);
    for path in ["/", "/login", "/forgot-password", "/cancelled", "/welcome?session_id=cs_test_x"] {
        check(&mut browser, path, None).await;
    }
    for path in ["/legal", "/privacy", "/contact"] {
        check(&mut browser, path, None).await;
    }
    let wrong: Fields<'_> = &[("email", "ada"), ("username", "a_b"), ("skills", "juggling")];
    check(&mut browser, "/api/checkout", Some(wrong)).await;
    for username in ["a", "-ada", "xn--ada", "admin"] {
        let fields: Fields<'_> = &[("email", ""), ("username", username)];
        check(&mut browser, "/api/checkout", Some(fields)).await;
    }
    // Nothing is sold here.
    check(&mut browser, "/api/checkout", Some(&[("email", "ada@mail.test")])).await;
    check(&mut browser, "/login", Some(&[("username", "ada"), ("password", "x")])).await;
    check(&mut browser, "/set-password?token=x", None).await;
    check(&mut browser, "/confirm-email?token=x", None).await;
    let name = browser.open(&format!("{SITE}/api/usernames/a")).await;
    assert!(name.body.contains("Ein Name hat 2 bis 32 Zeichen."), "{name:?}");
}

#[tokio::test]
async fn errors_are_german() {
    let world = World::start(&[]).await;
    let mut browser = Browser::new(&world);
    for path in ["/nothing", "/assets/nothing", "/api/portal"] {
        check(&mut browser, path, None).await;
    }
    // Its own page sends other fields, and not so many.
    let much = "a".repeat(40_000);
    check(&mut browser, "/login", Some(&[("username", &much)])).await;
    let elsewhere = [("origin", "https://elsewhere.test"), ("sec-fetch-site", "cross-site")];
    for (language, said) in [("en", "This form was not sent"), ("de", "Dieses Formular kam nicht")]
    {
        browser.language = Some(language);
        let url = format!("{SITE}/login");
        let page = browser.send(Method::POST, &url, Some(&[]), &elsewhere).await;
        assert!(page.body.contains(said), "{page:?}");
    }
}

#[tokio::test]
async fn a_callback_that_misses_is_explained_in_german() {
    let world = World::start(&[]).await;
    let mut browser = Browser::new(&world);
    let url = format!("{ADA}/auth/callback?code=x&return=/&again=1");
    browser.language = Some("de");
    let page = browser.open(&url).await;
    assert!(page.body.contains("Die Anmeldung hat nicht geklappt"), "{page:?}");
}

#[tokio::test]
async fn an_order_is_followed_in_german() {
    let world = World::start(&[]).await;
    let order = Order::begin(&world).await;
    let mut browser = order.browser();
    let path = &welcome()[SITE.len()..];
    let cancelled = format!("/cancelled?signup={}", crate::common::order::SIGN_UP);
    check(&mut browser, &cancelled, None).await;
    for state in ["open", "unpaid", "expired", "failed"] {
        order.is(state).await;
        check(&mut browser, path, None).await;
    }
    order.pay().await;
    order.has_done(&["assign", "wake"]).await;
    check(&mut browser, path, None).await;
    order.task_is("dead").await;
    check(&mut browser, path, None).await;
    order.workspace_is("live").await;
    check(&mut browser, path, None).await;
    check(&mut Browser::new(&world), path, None).await;
    let weak: Fields<'_> = &[("session_id", crate::common::order::CHECKOUT), ("password", "short")];
    check(&mut browser, "/welcome", Some(weak)).await;
    order.workspace_is("suspended").await;
    check(&mut browser, path, None).await;
}

#[tokio::test]
async fn an_account_and_all_that_is_done_there_is_german() {
    let world = World::start(&[]).await;
    let order = Order::begin(&world).await;
    let mut browser = order.signed_in().await;
    let day = 86_400_000;
    let soon = world.now().millis() + 20 * day;
    for columns in [
        format!("period_end_at = {soon}"),
        format!("cancel_at = {soon}"),
        format!("subscription_status = 'past_due', grace_until_at = {soon}"),
        "subscription_status = 'unpaid'".to_owned(),
        "subscription_status = 'paused'".to_owned(),
    ] {
        world.database.run(format!("UPDATE workspaces SET {columns}")).await;
        check(&mut browser, "/account", None).await;
    }
    check(&mut browser, "/account?changed=password", None).await;
    for path in ["/account/delete", "/account/email", "/logout"] {
        check(&mut browser, path, None).await;
    }
    let wrong: Fields<'_> = &[("current", "not hers"), ("email", "ada@elsewhere.test")];
    check(&mut browser, "/account/delete", Some(wrong)).await;
    check(&mut browser, "/account/email", Some(wrong)).await;
    let weak: Fields<'_> = &[("current", PASSWORD), ("new", "password password")];
    check(&mut browser, "/account/password", Some(weak)).await;
    check(&mut Browser::new(&world), "/account/deleted", None).await;

    let (app, now, username) = (world.app(), world.now(), "ada".parse().unwrap());
    let to = Recipient { username, email: "ada@mail.test", language: Language::English };
    let renderer =
        control::mail::MailRenderer::new(&app.site, control::app::site_config::PRICE, None);
    let link = NewLink::draw(username, Purpose::Reset, now);
    let letter = renderer.write("x/1".to_owned(), to, Message::ResetPassword { link: &link }, now);
    app.store.enqueue_with_link(&letter, Some(&link), now).await.unwrap();
    let token = link.token.expose();
    check(&mut browser, &format!("/set-password?token={token}"), None).await;
    let weak: Fields<'_> = &[("token", token), ("password", "short")];
    check(&mut browser, "/set-password", Some(weak)).await;
    let email = Email::parse("ada@elsewhere.test").unwrap();
    let change = NewEmailChange::draw(username, email, now);
    let message = Message::ConfirmEmail { change: &change };
    let letter = renderer.write("x/2".to_owned(), to, message, now);
    app.store.ask_for_email_change(&change, &letter, now).await.unwrap();
    check(&mut browser, "/account/email", None).await;
    let path = format!("/confirm-email?token={}", change.token.expose());
    check(&mut browser, &path, None).await;
}

#[test]
fn a_conversation_has_one_name_in_german() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut said = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if std::fs::read_to_string(&path).unwrap().contains("Gespräch") {
                said.push(path);
            }
        }
    }
    assert!(said.is_empty(), "the workspace calls it Unterhaltung: {said:?}");
}
