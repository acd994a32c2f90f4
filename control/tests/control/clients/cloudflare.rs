//! TXT records at Cloudflare.

use fakes::cloudflare::Cloudflare as Fake;
use shared::Upstream;
use vendors::cloudflare::{Cloudflare, CloudflareError};

use super::sink::secret;

const TOKEN: &str = "cf_never_printed";

async fn clients(token: &str) -> (Fake, Cloudflare) {
    let fake = Fake::start(TOKEN, "arca.test").await.unwrap();
    let url = Upstream::parse(&format!("http://{}", fake.address)).unwrap();
    (fake, Cloudflare::new(&url, &secret(token)).unwrap())
}

#[tokio::test]
async fn a_record_is_added_once_however_often_and_removed() {
    let (fake, cloudflare) = clients(TOKEN).await;
    let zone = cloudflare.zone_of("chat.eu.arca.test").await.unwrap();
    let add = async |text: &str| {
        cloudflare.add_text(&zone, "_acme-challenge.arca.test", text).await.unwrap()
    };
    // The base domain and its wildcard have two texts under one name.
    let (first, second) = (add("one").await, add("two").await);
    assert_eq!(add("one").await, first);
    assert_eq!(fake.records().len(), 2);
    for record in [&first, &first, &second] {
        cloudflare.remove(record).await.unwrap();
    }
    assert_eq!(fake.records(), []);
}

#[tokio::test]
async fn a_zone_of_nobodys_and_a_bad_token_are_named_and_the_token_is_not() {
    let (_fake, cloudflare) = clients(TOKEN).await;
    let error = cloudflare.zone_of("b.other.test").await.unwrap_err();
    assert!(matches!(error, CloudflareError::NoZone(name) if name == "b.other.test"));
    let (_fake, cloudflare) = clients("cf_bad").await;
    let error = cloudflare.zone_of("arca.test").await.unwrap_err().to_string();
    assert!(error.contains("403") && error.contains("9109 Invalid access token"), "{error}");
    assert!(!error.contains("cf_bad"), "{error}");
}
