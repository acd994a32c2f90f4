//! Who pays, as Stripe knows them after a change of address.

use std::time::Duration;

use control::base::email_address::Email;
use control::base::language::Language;
use control::model::email_change::NewEmailChange;
use control::model::mail::{Message, Recipient};
use control::model::task::Kind;

use super::shop::{Shop, name};
use crate::common::wait_until;

/// The address is confirmed, as by the link in the letter.
async fn change(shop: &Shop, username: &str, email: &str) {
    let (app, now) = (shop.world.app(), shop.world.now());
    let change = NewEmailChange::draw(name(username), Email::parse(email).unwrap(), now);
    let to = Recipient { username: change.username, email, language: Language::English };
    let id = format!("confirm-email/{}", change.token.hash().as_str());
    let message = Message::ConfirmEmail { change: &change };
    let letter = app.billing.as_ref().unwrap().renderer.write(id, to, message, now);
    shop.store.ask_for_email_change(&change, &letter, now).await.unwrap();
    let confirmed = app.accounts.confirm_email_change(change.token.expose()).await.unwrap();
    assert_eq!(confirmed.map(|change| change.email.as_str().to_owned()).as_deref(), Some(email));
}

#[tokio::test]
async fn receipts_go_to_the_new_address_also_where_stripe_is_away_at_first() {
    let shop = Shop::open().await;
    let workspace = shop.customer("sub_1").await;
    let username = workspace.username.as_str();
    let told = async || shop.stripe.books().emails.get(workspace.payer.as_str()).cloned();
    change(&shop, username, "ada@elsewhere.test").await;
    wait_until("stripe has it", Some("ada@elsewhere.test".to_owned()), told).await;
    let signup = shop.signup(&workspace.signup).await;
    assert_eq!(signup.email, "ada@elsewhere.test", "letters about its payment go there too");

    shop.stripe.books().is_down = true;
    change(&shop, username, "ada@third.test").await;
    let asked = async || shop.stripe.count("POST /v1/customers/") >= 2;
    wait_until("stripe was asked", true, asked).await;
    shop.stripe.books().is_down = false;
    // Back to the first one while that waits: the latest counts, whichever task comes last.
    change(&shop, username, "ada@elsewhere.test").await;
    let open = async || shop.open_tasks(Kind::Payer).await;
    let done = async || {
        shop.world.turn_clock(Duration::from_secs(5));
        open().await
    };
    wait_until("all is told", 0, done).await;
    assert_eq!(shop.tasks(Kind::Payer).await, ["done", "done", "done"]);
    assert_eq!(told().await.as_deref(), Some("ada@elsewhere.test"));
}

#[tokio::test]
async fn control_that_ends_while_stripe_is_told_tells_it_again() {
    let mut shop = Shop::open().await;
    let workspace = shop.customer("sub_1").await;
    shop.stripe.books().is_silent = true;
    change(&shop, workspace.username.as_str(), "ada@elsewhere.test").await;
    let asked = async || shop.stripe.count("POST /v1/customers/");
    wait_until("stripe has it", 1, asked).await;
    shop.stripe.books().is_silent = false;
    shop.world.restart().await;
    wait_until("it is done", vec!["done".to_owned()], async || shop.tasks(Kind::Payer).await).await;
    assert_eq!(shop.stripe.count("POST /v1/customers/"), 2);
    let told = shop.stripe.books().emails.get(workspace.payer.as_str()).cloned();
    assert_eq!(told.as_deref(), Some("ada@elsewhere.test"));
}
