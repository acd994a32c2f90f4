//! Customers are written to in the language in which they ordered, and then in the one in which
//! they use the site.

use control::mail::{Welcome, enqueue_welcome};
use reqwest::StatusCode;
use serde_json::Value;

use super::shop::{Shop, name, order};
use super::stripe::Stripe;
use crate::common::browser::Browser;
use crate::common::{PASSWORD, SITE, wait_until};
use crate::letters::vendor::{KEY, Vendor};

const GERMAN: &str = "de-AT,de;q=0.9,en;q=0.8";

async fn shop_that_writes(resend: &Vendor) -> Shop {
    let stripe = Stripe::start().await;
    let address = stripe.address;
    let letters = format!(
        "[resend]\nurl = '{}'\napi_key = '{KEY}'\nfrom = 'Arcamatrix <hello@arca.test>'\n\
         per_second = 1000\n",
        resend.url()
    );
    Shop::open_at(stripe, address, &[], &letters).await
}

/// The letter with this subject, once it was sent.
async fn letter(resend: &Vendor, subject: &str) -> Value {
    let of_subject = async || {
        let mails = resend.mails().await;
        mails.into_iter().find(|mail| mail["subject"] == format!("{subject} · Arcamatrix"))
    };
    wait_until(subject, true, async || of_subject().await.is_some()).await;
    of_subject().await.unwrap()
}

/// Orders in German, pays, and is welcomed.
async fn welcomed<'a>(shop: &'a Shop, browser: &mut Browser<'a>) -> String {
    browser.language = Some(GERMAN);
    let page = order(browser, "ada@mail.test", "ada").await;
    assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.body);
    let signup = shop.signup_of(browser).await;
    let checkout = signup.checkout.unwrap().id;
    shop.stripe.books().pay(checkout.as_str(), "paid", "sub_1", "active");
    shop.tell("checkout.session.completed", checkout.as_str()).await;
    shop.settled().await;
    shop.goes_live("ada").await;
    let app = shop.world.app();
    let signup = signup.id.as_str();
    let welcome = Welcome { signup, username: name("ada"), next_payment: None };
    assert!(enqueue_welcome(&app.store, &app.renderer, welcome, shop.world.now()).await.unwrap());
    checkout.as_str().to_owned()
}

#[tokio::test]
async fn who_orders_in_german_is_welcomed_in_german() {
    let resend = Vendor::resend().await;
    let shop = shop_that_writes(&resend).await;
    welcomed(&shop, &mut shop.browser()).await;
    let letter = letter(&resend, "Dein Arbeitsplatz ist bereit").await;
    let (html, text) = (letter["html"].as_str().unwrap(), letter["text"].as_str().unwrap());
    assert!(html.contains("<html lang=\"de\">"), "{html}");
    for told in ["Wähle ein Passwort", "für 3 Tage", "7\u{a0}$ im Monat", "Uhr UTC"] {
        assert!(html.contains(told) && text.contains(told), "{told}: {text}");
    }
}

#[tokio::test]
async fn letters_follow_the_language_in_which_the_site_is_used() {
    let resend = Vendor::resend().await;
    let shop = shop_that_writes(&resend).await;
    let mut browser = shop.browser();
    let checkout = welcomed(&shop, &mut browser).await;
    let fields = [("session_id", checkout.as_str()), ("password", PASSWORD)];
    browser.submit(&format!("{SITE}/welcome"), &fields).await;
    let language = async || {
        let customer = shop.store.customer(&name("ada")).await.unwrap().unwrap();
        customer.language.tag()
    };
    let account = format!("{SITE}/account");
    browser.language = Some("en");
    assert_eq!(browser.open(&account).await.status, StatusCode::OK);
    assert_eq!(language().await, "en");
    // One that says nothing, or asks for what is not spoken here, changes nothing.
    for other in [None, Some("fr")] {
        browser.language = Some(GERMAN);
        browser.open(&account).await;
        browser.language = other;
        browser.open(&account).await;
        assert_eq!(language().await, "de", "{other:?}");
    }
    let mut stranger = shop.browser();
    stranger.language = Some("en");
    let fields = [("account", "ada")];
    stranger.submit(&format!("{SITE}/forgot-password"), &fields).await;
    let letter = letter(&resend, "Ein neues Passwort").await;
    assert!(letter["text"].as_str().unwrap().contains("Der Link gilt einmal"), "{letter}");
}
