//! The certificate that visitors are shown: handed to every edge, and told of when there is
//! none. What a certificate authority does with an order is in the stories (`make test-acme`).

use control::base::seal;
use control::certificates::CERTIFICATE;
use control::model::certificate::IssuedCertificate;
use reqwest::Method;
use serde_json::Value;
use shared::Secret;
use shared::wire::{CertificatePair, Certificates};
use std::time::Duration;

use crate::common::edge::TestEdge;
use crate::common::{World, wait_until};

const DAY: Duration = Duration::from_secs(86_400);

/// Nobody listens at the authority's address.
const SECTION: &str = "[certificates]\ndirectory = 'https://127.0.0.1:1/dir'\n\
                       contact = 'ops@arca.test'\nchallenge = 'hook'\nhook = '/bin/true'\n";

async fn promise(world: &World) -> Value {
    let (_, status) = world.api(Method::GET, "/api/status", None).await;
    let promises = status["promises"].as_array().cloned().unwrap_or_default();
    promises.into_iter().find(|promise| promise["name"] == "certificate").unwrap_or_default()
}

/// As an order that came to its end leaves it; good for ninety days.
async fn issue(world: &World, chain: &str) -> Certificates {
    let now = world.now();
    let pair = CertificatePair { chain: chain.to_owned(), key: format!("the key of {chain}") };
    let issued = IssuedCertificate {
        names: vec!["arca.test".to_owned(), "*.arca.test".to_owned()],
        chain: pair.chain.clone(),
        sealed_key: seal::seal(&world.keys, CERTIFICATE, &Secret::new(pair.key.clone())),
        starts: now,
        expires: now.after(90 * DAY),
    };
    let store = &world.app().store;
    store.claim_certificate(CERTIFICATE, now, now.after(DAY), now).await.unwrap();
    store.note_certificate(CERTIFICATE, &issued).await.unwrap();
    Certificates { certificates: vec![pair] }
}

#[tokio::test]
async fn every_edge_is_handed_the_present_certificate_and_again_when_it_lost_it() {
    let (one, mut two) = (TestEdge::start("one").await, TestEdge::start("two").await);
    let world = World::start_with_sections(&[&one, &two], "", SECTION).await;
    // Control's own attempt is over, so that it is not counted after what is issued here.
    let has_failed =
        async || world.app().store.certificate(CERTIFICATE).await.unwrap().failures > 0;
    wait_until("control has tried", true, has_failed).await;
    two.go_away().await;
    let first = issue(&world, "first").await;
    let shows = |edge: &TestEdge| edge.table().certificates.clone();
    wait_until("one has it", Some(first.clone()), async || shows(&one)).await;
    two.come_back().await;
    wait_until("two has it", Some(first.clone()), async || shows(&two)).await;
    one.table().certificates = None;
    wait_until("one has it again", Some(first), async || shows(&one)).await;
    wait_until("all is well", "kept".into(), async || promise(&world).await["standing"].clone())
        .await;

    two.table().refuses_certificates = Some("certificate 1: the chain has expired");
    let next = issue(&world, "next").await;
    wait_until("one has the next", Some(next), async || shows(&one)).await;
    wait_until("two is told of", true, async || {
        let promise = promise(&world).await;
        promise["standing"] == "broken"
            && promise["says"]
                .as_str()
                .is_some_and(|it| it.contains("two: ") && it.contains("expired"))
    })
    .await;
    let said = world.cli("edges").await;
    assert!(!said.contains("the key of"), "{said}");
}

#[tokio::test]
async fn what_brings_no_certificate_is_tried_less_and_less_shown_and_told_once() {
    let edge = TestEdge::start("one").await;
    let world = World::start_with_sections(&[&edge], "", SECTION).await;
    let failures = async || world.app().store.certificate(CERTIFICATE).await.unwrap().failures;
    let tickets = async || {
        let (_, tickets) = world.api(Method::GET, "/api/tickets", None).await;
        let all = tickets["items"].as_array().cloned().unwrap_or_default();
        all.iter().filter(|it| it["title"] == "No certificate is issued").count()
    };
    for count in 1..=4 {
        wait_until("it was tried", count, failures).await;
        let told = usize::from(count >= 3);
        wait_until("a person was told", told, tickets).await;
        // Longer than it waits, and less than a clock that was ahead.
        world.turn_clock(Duration::from_secs(6 * 60 * 60));
    }
    let promise = promise(&world).await;
    assert_eq!(promise["standing"], "broken", "{promise}");
    assert!(promise["says"].as_str().unwrap().contains("cannot be spoken to"), "{promise}");
    let (_, said, _) = world.cli_ended("status").await;
    assert!(said.contains("certificate"), "{said}");
    let metrics = world.metrics().await;
    assert!(
        metrics.contains("arca_control_certificate_orders_total{outcome=\"failed\"}"),
        "{metrics}"
    );
    let (_, found, _) = world.cli_ended("doctor").await;
    assert!(found.contains("certificate authority"), "{found}");
    assert_eq!(edge.table().certificates, None);
}

#[tokio::test]
async fn another_process_orders_nothing_while_one_is_at_it() {
    let world = World::start(&[]).await;
    let store = &world.app().store;
    let now = world.now();
    let claim = async |now| {
        let (until, latest) = (now, DAY);
        store.claim_certificate("other", now, until.after(DAY), now.after(latest)).await.unwrap()
    };
    assert!(claim(now).await);
    assert!(!claim(now).await);
    assert!(!claim(now.after(DAY / 2)).await);
    assert!(claim(now.after(DAY)).await, "whoever was at it has ended");
    assert!(claim(now.before(DAY)).await, "it was noted by a clock that was ahead");
}
