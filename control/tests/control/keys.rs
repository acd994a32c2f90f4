//! A new key ring comes in without a restart.

use crate::common::browser::Browser;
use crate::common::database::Database;
use crate::common::process::{Installation, Process};
use crate::common::{PASSWORD, wait_until};
use serde_json::{Value, json};
use shared::process::time::unix_seconds;
use shared::request_id::REQUEST_ID_HEADER;
use shared::site_hop::{self, SITE_HOP_HEADER};
use shared::{KeyRing, SessionKeys};

/// Does control take this ring's word for who is asking?
async fn believes(control: &Process, ring: &KeyRing) -> bool {
    let id = "0a".repeat(16);
    let request = crate::common::client()
        .get(format!("http://{}/login", control.site))
        .header("host", "arca.test:8080")
        .header(SITE_HOP_HEADER, site_hop::sign(ring).expose())
        .header(REQUEST_ID_HEADER, &id);
    request.send().await.unwrap().headers()[REQUEST_ID_HEADER] == id.as_str()
}

async fn portal(control: &Process) -> String {
    let request = crate::common::client()
        .post(format!("http://{}/api/portal", control.site))
        .header("host", "arca.test:8080")
        .json(&json!({ "username": "ada", "password": PASSWORD }));
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    answer["session"].as_str().unwrap().to_owned()
}

fn is_signed_by(ring: &KeyRing, token: &str) -> bool {
    let ada = "ada".parse().unwrap();
    SessionKeys::new(ring).verify(token, &ada, unix_seconds()).is_ok()
}

/// As an operator writes it and says so.
fn rotate(installation: &Installation, control: &Process, ring: &str) {
    std::fs::write(installation.keys_file(), ring).unwrap();
    control.hang_up();
}

#[tokio::test]
async fn a_key_ring_is_rotated_without_a_restart_and_signs_nobody_out() {
    let installation = Installation::on(Database::fresh().await, &[], "");
    let control = installation.start().await;
    control.add_customer("ada").await;
    let key = format!("k2 = \"{}\"\n", "02".repeat(32));
    let only_new = format!("current = \"k2\"\n[keys]\n{key}");
    let (old, new) = (&installation.keys, &KeyRing::from_toml(&only_new).unwrap());
    let mut browser = Browser::at(control.site, old);
    assert!(is_signed_by(old, &browser.sign_in().await));
    assert!(!believes(&control, new).await);

    let both = std::fs::read_to_string(installation.keys_file()).unwrap() + &key;
    rotate(&installation, &control, &both);
    wait_until("the new key is known", true, async || believes(&control, new).await).await;
    assert!(believes(&control, old).await && is_signed_by(old, &portal(&control).await));

    rotate(&installation, &control, &both.replace("current = \"k1\"", "current = \"k2\""));
    // The account session is open: no password is asked for.
    let signs = async || is_signed_by(new, &browser.clone().sign_in().await);
    wait_until("the new key signs", true, signs).await;
    assert!(believes(&control, old).await && is_signed_by(new, &portal(&control).await));

    rotate(&installation, &control, &only_new);
    wait_until("the old key is gone", false, async || believes(&control, old).await).await;
    assert!(believes(&control, new).await);
}
