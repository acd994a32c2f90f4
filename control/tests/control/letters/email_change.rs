//! Another e-mail address, and the link that makes it a customer's.

use std::time::Duration;

use control::accounts::LinkRequested;
use reqwest::StatusCode;
use serde_json::Value;

use super::vendor::{Office, Vendor};
use crate::common::browser::{Browser, Page};
use crate::common::{PASSWORD, SITE, World, wait_until};

const NEW: &str = "ada@elsewhere.test";

/// Ada has a password, and this browser is hers.
async fn signed_in(world: &World) -> Browser<'_> {
    let username = "ada".parse().unwrap();
    let set = world.app().accounts.set_first_password(&username, PASSWORD.to_owned());
    set.await.unwrap();
    let mut browser = Browser::new(world);
    assert_eq!(browser.log_in("ada", PASSWORD).await.status, StatusCode::SEE_OTHER);
    browser
}

async fn ask(browser: &mut Browser<'_>, email: &str, password: &str) -> Page {
    let fields = [("email", email), ("current", password)];
    browser.submit(&format!("{SITE}/account/email"), &fields).await
}

/// Letters to an address, of all that were sent.
async fn to(resend: &Vendor, address: &str) -> Vec<Value> {
    let mails = resend.mails().await;
    mails.into_iter().filter(|mail| mail["to"].to_string().contains(address)).collect()
}

/// The address of the link in the newest letter to `address`, which is the `number`th there.
async fn link(office: &Office, address: &str, number: usize) -> String {
    let count = async || to(&office.resend, address).await.len();
    wait_until("the letter is there", number, count).await;
    let mails = to(&office.resend, address).await;
    let text = mails.last().unwrap()["text"].as_str().unwrap().to_owned();
    let at = text.find(&format!("{SITE}/confirm-email?token=")).expect("a link");
    text[at..].split_whitespace().next().unwrap().to_owned()
}

/// Sends the form that the link shows.
async fn confirm(browser: &mut Browser<'_>, link: &str) -> Page {
    let (address, token) = link.split_once("?token=").unwrap();
    browser.submit(address, &[("token", token)]).await
}

async fn email(world: &World) -> String {
    let customer = world.app().store.customer(&"ada".parse().unwrap()).await.unwrap();
    customer.unwrap().email
}

#[tokio::test]
async fn a_new_address_counts_once_its_link_is_used_and_not_before() {
    let office = Office::open().await;
    let world = &office.world;
    let mut ada = signed_in(world).await;
    let asked = ask(&mut ada, NEW, PASSWORD).await;
    assert_eq!((asked.status, &*asked.location), (StatusCode::SEE_OTHER, "/account/email"));
    let page = ada.open(&format!("{SITE}/account/email")).await;
    assert!(page.body.contains("data-testid=\"email-pending\""), "{}", page.body);
    let link = link(&office, NEW, 1).await;
    // As a scanner does, and from nowhere: it has no session, and it sends no form.
    let mut elsewhere = Browser::new(world);
    for _ in 0..3 {
        let shown = elsewhere.open(&link).await;
        assert_eq!(shown.status, StatusCode::OK, "{shown:?}");
        assert!(shown.body.contains("Yes, use this address"), "{}", shown.body);
        assert!(shown.body.contains("Once you confirm it"), "{}", shown.body);
        assert_eq!(shown.headers["referrer-policy"], "strict-origin");
    }
    assert_eq!(email(world).await, "ada@mail.test");
    let done = confirm(&mut elsewhere, &link).await;
    assert_eq!(done.status, StatusCode::OK, "{done:?}");
    assert!(done.body.contains(NEW), "{}", done.body);
    assert_eq!(email(world).await, NEW);
    for (language, told) in
        [("en", "Your address is changed"), ("de", "Deine Adresse ist geändert")]
    {
        elsewhere.language = Some(language);
        for again in [confirm(&mut elsewhere, &link).await, elsewhere.open(&link).await] {
            assert_eq!(again.status, StatusCode::GONE, "once");
            assert!(again.body.contains(told), "{}", again.body);
        }
    }
    // The session is one of the password, which stays.
    let page = ada.open(&format!("{SITE}/account")).await;
    assert!(page.status == StatusCode::OK && page.body.contains(NEW), "{page:?}");
    office.wait_for_letter("email_changed", "sent").await;
    let told = to(&office.resend, "ada@mail.test").await;
    let told = told.last().unwrap();
    assert!(told["subject"].as_str().unwrap().contains("was changed"), "{told}");
    assert!(!told["text"].as_str().unwrap().contains(NEW), "whose it was is not told the new one");
    // Whoever forgot their name is found by the new address, and by the former one no more.
    let from = [192, 0, 2, 9].into();
    for (typed, number) in [("ada@mail.test", 1), (NEW, 2)] {
        let asked = world.app().accounts.request_link(typed, from).await.unwrap();
        assert_eq!(asked, LinkRequested::Taken);
        let in_flight = async || world.app().accounts.link_requests_in_flight();
        wait_until("it is answered", 0, in_flight).await;
        let count = async || to(&office.resend, NEW).await.len();
        wait_until("whoever has the address is written to", number, count).await;
    }
}

#[tokio::test]
async fn it_takes_the_password_and_another_address() {
    let office = Office::open().await;
    let mut ada = signed_in(&office.world).await;
    let check = |page: Page, id: &str, text: &str| {
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{text}");
        assert!(page.body.contains(&format!("id=\"{id}\">{text}")), "{text}: {}", page.body);
    };
    let wrong = ask(&mut ada, NEW, "not her password").await;
    assert!(wrong.body.contains(&format!("value=\"{NEW}\"")), "what was typed stays");
    check(wrong, "current-error", "This is not your present password.");
    check(ask(&mut ada, "ada", PASSWORD).await, "email-error", "An e-mail address looks like");
    check(ask(&mut ada, "", PASSWORD).await, "email-error", "Please type your e-mail address");
    let same = ask(&mut ada, " ada@mail.test ", PASSWORD).await;
    check(same, "email-error", "This is your address already.");
    ada.language = Some("de");
    check(ask(&mut ada, NEW, "not hers").await, "current-error", "Das ist nicht dein jetziges");
    assert_eq!(office.letters().await.len(), 0);
    let mut nobody = Browser::new(&office.world);
    let asked = ask(&mut nobody, NEW, PASSWORD).await;
    assert_eq!(asked.location, "/login?to=account&return=%2Faccount%2Femail");
    assert_eq!(
        nobody.open(&format!("{SITE}/confirm-email?token=x")).await.status,
        StatusCode::GONE
    );
}

#[tokio::test]
async fn an_address_that_somebody_has_is_answered_like_any_other() {
    let office = Office::open().await;
    office.world.add_customer("bob").await;
    let mut ada = signed_in(&office.world).await;
    let mut pages = Vec::new();
    for address in ["bob@mail.test", "nobody@mail.test"] {
        let asked = ask(&mut ada, address, PASSWORD).await;
        let page = ada.open(&format!("{SITE}/account/email")).await;
        pages.push((asked.status, asked.location, page.body.replace(address, "…")));
        link(&office, address, 1).await;
    }
    assert_eq!(pages[0], pages[1]);
}

#[tokio::test]
async fn a_newer_link_another_password_and_time_void_it() {
    let office = Office::open().await;
    let world = &office.world;
    let mut ada = signed_in(world).await;
    let mut links = Vec::new();
    for number in 1..=2 {
        ask(&mut ada, NEW, PASSWORD).await;
        links.push(link(&office, NEW, number).await);
    }
    assert_eq!(confirm(&mut ada, &links[0]).await.status, StatusCode::GONE, "a newer one");
    let other = "another-orbit-under-copper-hills";
    let changed = [("current", PASSWORD), ("new", other)];
    let changed = ada.submit(&format!("{SITE}/account/password"), &changed).await;
    assert_eq!(changed.location, "/account?changed=password");
    assert_eq!(confirm(&mut ada, &links[1]).await.status, StatusCode::GONE, "another password");
    ask(&mut ada, NEW, other).await;
    let third = link(&office, NEW, 3).await;
    world.let_pass(Duration::from_secs(3_600)).await;
    let late = confirm(&mut ada, &third).await;
    assert_eq!(late.status, StatusCode::GONE, "too old");
    assert!(late.body.contains("This link works no more"), "{}", late.body);
    assert_eq!(email(world).await, "ada@mail.test");
}

#[tokio::test]
async fn who_signs_out_everywhere_takes_back_what_was_asked_for_in_another_browser() {
    let office = Office::open().await;
    let world = &office.world;
    let mut ada = signed_in(world).await;
    ask(&mut ada, NEW, PASSWORD).await;
    let link = link(&office, NEW, 1).await;
    ada.submit(&format!("{SITE}/account/sign-out-everywhere"), &[]).await;
    assert_eq!(confirm(&mut ada, &link).await.status, StatusCode::GONE);
    assert_eq!(email(world).await, "ada@mail.test");
}

#[tokio::test]
async fn a_link_for_a_password_that_went_to_the_former_address_works_no_more() {
    let office = Office::open().await;
    let world = &office.world;
    let mut ada = signed_in(world).await;
    world.app().accounts.request_link("ada", [192, 0, 2, 9].into()).await.unwrap();
    office.wait_for_letter("reset_password", "sent").await;
    let letters = to(&office.resend, "ada@mail.test").await;
    let text = letters[0]["text"].as_str().unwrap();
    let (_, token) = text.split_once("/set-password?token=").unwrap();
    let token = token.split_whitespace().next().unwrap();
    assert!(world.app().accounts.open_link(token).await.unwrap().is_some());
    ask(&mut ada, NEW, PASSWORD).await;
    let link = link(&office, NEW, 1).await;
    confirm(&mut ada, &link).await;
    assert_eq!(world.app().accounts.open_link(token).await.unwrap(), None);
}

#[tokio::test]
async fn an_account_writes_to_three_new_addresses_an_hour() {
    let office = Office::open().await;
    let mut ada = signed_in(&office.world).await;
    for number in 1..=3 {
        let address = format!("ada{number}@elsewhere.test");
        assert_eq!(ask(&mut ada, &address, PASSWORD).await.status, StatusCode::SEE_OTHER);
    }
    let refused = ask(&mut ada, NEW, PASSWORD).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.headers.contains_key("retry-after"));
    assert!(refused.body.contains("wait an hour"), "{}", refused.body);
    assert_eq!(office.letters().await.len(), 3);
}

#[tokio::test]
async fn an_operator_sets_an_address_back_and_what_was_asked_for_meanwhile_is_void() {
    let office = Office::open().await;
    let world = &office.world;
    let mut ada = signed_in(world).await;
    ask(&mut ada, NEW, PASSWORD).await;
    let pending = link(&office, NEW, 1).await;
    let back = "ada@back.test";
    let said = world.cli(&format!("customers set-email ada {back} --yes")).await;
    assert_eq!(said.trim_end(), format!("ada is written to at {back}"));
    assert_eq!(email(world).await, back);
    assert_eq!(confirm(&mut ada, &pending).await.status, StatusCode::GONE);
    office.wait_for_letter("email_changed", "sent").await;
    let told = to(&office.resend, "ada@mail.test").await;
    assert!(told[0]["subject"].as_str().unwrap().contains("was changed"), "{told:?}");
    let journal = world.cli("journal").await;
    assert!(journal.contains("POST /api/customers/ada/email"), "{journal}");
    for (wrong, complaint) in [
        (format!("ada {back}"), "This is the address of ada already."),
        ("ada nonsense".to_owned(), "An e-mail address looks like"),
        (format!("bob {back}"), "There is no customer bob."),
    ] {
        let ended = world.cli_ended(&format!("customers set-email {wrong} --yes")).await;
        assert!(ended.0 != Some(0) && ended.2.contains(complaint), "{wrong}: {ended:?}");
    }
}
