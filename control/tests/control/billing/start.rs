//! What is asked of Stripe before anything is sold.

use std::path::Path;

use control::base::amount::Amount;
use control::billing::{StripeBilling, StripeConfig};
use shared::process::Document;

use super::stripe::{PRICE, Stripe, YEARLY};

fn billing(stripe: &Stripe, price: &str) -> StripeBilling {
    let text = format!(
        "[stripe]\nurl = 'http://{}'\nsecret_key = 'sk_test_0123456789'\nprice = '{price}'\n\
         webhook_secrets = ['whsec_1']\n",
        stripe.address
    );
    let document = Document::from_text(Path::new("control.toml"), text);
    let config =
        document.check(|root| root.optional_table("stripe", StripeConfig::from_section)).unwrap();
    StripeBilling::new(&config).unwrap()
}

#[tokio::test]
async fn a_wrong_price_ends_the_start_and_a_silent_stripe_does_not() {
    let stripe = Stripe::start().await;
    billing(&stripe, PRICE).check(control::app::site_config::PRICE).await.unwrap();
    let error = billing(&stripe, "price_of_nothing")
        .check(control::app::site_config::PRICE)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("stripe.price"), "{error:#}");
    stripe.books().is_down = true;
    billing(&stripe, "price_of_nothing").check(control::app::site_config::PRICE).await.unwrap();
}

#[tokio::test]
async fn a_price_that_our_pages_do_not_name_ends_the_start() {
    let stripe = Stripe::start().await;
    let check = async |price, shown, expected: &str| {
        let shown = Amount::parse(shown).unwrap();
        let error = billing(&stripe, price).check(shown).await.unwrap_err().to_string();
        assert!(error.starts_with("stripe.price") && error.contains(expected), "{error}");
    };
    check(PRICE, "$9", "its unit_amount is 700 usd, and site.price says $9").await;
    check(PRICE, "€7", "site.price says €7").await;
    // All of them at once, as complaints about the file are.
    let error = billing(&stripe, YEARLY).check(Amount::parse("$9").unwrap()).await.unwrap_err();
    assert_eq!(error.to_string().lines().count(), 2, "{error}");
    check(YEARLY, "$7", "it is not paid every month").await;
}
