//! A backup that is taken while people are served, and what it means to go back to it.

use std::sync::atomic::{AtomicBool, Ordering};

use reqwest::{Method, StatusCode};
use serde_json::Value;
use shared::{Checksum, Generation, RouteState, SessionId};

use crate::common::edge::TestEdge;
use crate::common::{World, wait_until};

async fn in_step(world: &World, edge: &TestEdge) -> bool {
    let state = world.app().store.table_state().await.unwrap();
    let table = edge.table();
    (table.generation, table.checksum()) == (state.generation, state.checksum)
}

/// A world in which each of `names` has an account and a way in.
async fn with_customers(edge: &TestEdge, names: &[&str]) -> World {
    let world = World::start(&[edge]).await;
    for name in names {
        world.add_customer(name).await;
        world.put_route(name).await;
    }
    world
}

async fn lose_everything(world: &mut World) {
    world.stop().await;
    world.database.wipe().await;
}

#[tokio::test]
async fn a_backup_that_is_taken_under_traffic_is_of_one_moment() {
    let edge = TestEdge::start("one").await;
    let mut world = with_customers(&edge, &["ada"]).await;
    let file = world.path("backup");
    let is_over = AtomicBool::new(false);
    let traffic = async {
        let mut number = 0;
        while !is_over.load(Ordering::Relaxed) {
            world.put_route(&format!("user{}", number % 40)).await;
            number += 1;
        }
        number
    };
    let backups = async {
        for number in 0..5 {
            world.cli(&format!("backup {}{number}", file.display())).await;
        }
        is_over.store(true, Ordering::Relaxed);
    };
    let (changes, ()) = tokio::join!(traffic, backups);
    assert!(changes > 0);
    for number in 0..5 {
        lose_everything(&mut world).await;
        world.cli(&format!("restore {}{number}", file.display())).await;
        world.start_again().await;
        // The number, the checksum and the rows were written by different statements.
        let (routes, _) = world.app().store.whole_table().await.unwrap();
        let sum = routes.iter().fold(Checksum::default(), Checksum::with_route);
        assert_eq!(world.app().store.table_state().await.unwrap().checksum, sum);
        wait_until("the edge is in step", true, async || in_step(&world, &edge).await).await;
    }
}

#[tokio::test]
async fn what_was_taken_away_after_the_backup_stays_away() {
    let edge = TestEdge::start("one").await;
    let mut world = with_customers(&edge, &["ada", "bob", "eve", "mia"]).await;
    let file = world.path("backup").display().to_string();
    world.cli(&format!("backup {file}")).await;

    world.cli("customers sign-out ada --yes").await;
    let session = SessionId::random();
    let (status, _) = world.api(Method::PUT, &format!("/api/locks/bob/{session}"), None).await;
    assert_eq!(status, StatusCode::OK);
    world.cli("routes remove eve --yes").await;
    world.cli("customers suspend mia --yes").await;
    world.put_route("kim").await;
    let before = {
        let table = edge.table();
        (table.generation, table.routes.clone())
    };

    lose_everything(&mut world).await;
    let said = world.cli(&format!("restore {file} --json")).await;
    let said: Value = serde_json::from_str(&said).unwrap();
    let found: Vec<_> = said["differences"].as_array().unwrap().iter().collect();
    let kinds: Vec<_> = found.iter().map(|it| it["difference"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["signed_out", "gone", "closed", "newcomer", "locked"], "{said}");

    world.start_again().await;
    wait_until("the edge is in step", true, async || in_step(&world, &edge).await).await;
    let table = edge.table();
    assert!(table.generation > before.0, "{:?}", table.generation);
    let route = |name: &str| table.routes[&name.parse().unwrap()].clone();
    let was = |name: &str| before.1[&name.parse().unwrap()].clone();
    assert_eq!(route("ada"), was("ada"));
    assert_eq!(route("bob"), was("bob"));
    assert_eq!(route("kim"), was("kim"));
    assert_eq!(route("mia"), was("mia"));
    assert_eq!(route("eve").state, RouteState::Suspended);
    assert!(table.locks.values().any(|lock| lock.session == Some(session)));
}

#[tokio::test]
async fn where_no_edge_knows_everybody_signs_in_again() {
    let edge = TestEdge::start("one").await;
    let mut world = with_customers(&edge, &["ada"]).await;
    let file = world.path("backup").display().to_string();
    world.cli(&format!("backup {file}")).await;
    world.cli("customers sign-out ada --yes").await;
    let epoch = edge.table().routes[&"ada".parse().unwrap()].epoch;
    lose_everything(&mut world).await;
    edge.lose_everything();
    let said = world.cli(&format!("restore {file}")).await;
    assert!(said.contains("everybody has to sign in again"), "{said}");
    world.start_again().await;
    wait_until("the edge is in step", true, async || in_step(&world, &edge).await).await;
    assert!(edge.table().routes[&"ada".parse().unwrap()].epoch > epoch);
}

#[tokio::test]
async fn nothing_is_restored_over_what_is_in_use() {
    let mut edge = TestEdge::start("one").await;
    let mut world = with_customers(&edge, &["ada"]).await;
    let file = world.path("backup").display().to_string();
    world.cli(&format!("backup {file}")).await;
    let refused = async |world: &World, file: &str, why: &str| {
        let (code, said, complaint) = world.cli_ended(&format!("restore {file}")).await;
        assert_eq!((code, said.as_str()), (Some(1), ""), "{complaint}");
        assert!(complaint.contains(why), "{complaint}");
    };
    let (_, _, complaint) = world.cli_ended(&format!("backup {file}")).await;
    assert!(complaint.contains("nothing is written over a backup"), "{complaint}");
    refused(&world, &file, "while control runs").await;
    world.stop().await;
    refused(&world, &file, "the database is not empty").await;
    world.database.wipe().await;

    let text = std::fs::read_to_string(&file).unwrap();
    let (head, rest) = text.split_once('\n').unwrap();
    let broken = world.path("broken").display().to_string();
    std::fs::write(&broken, format!("{head}\n{}", &rest[..rest.len() / 2])).unwrap();
    refused(&world, &broken, "line").await;
    let keys = world.path("keys.toml");
    let ring = std::fs::read_to_string(&keys).unwrap();
    std::fs::write(&keys, shared::KeyRing::generate_toml(&shared::KeyId::parse("k1").unwrap()))
        .unwrap();
    refused(&world, &file, "has another key k1").await;
    std::fs::remove_file(&keys).unwrap();
    edge.go_away().await;
    refused(&world, &file, "--without-edges").await;
    assert_eq!(std::fs::read_to_string(&keys).unwrap(), ring, "the keys are back");
    edge.come_back().await;
    world.cli(&format!("restore {file}")).await;
    world.start_again().await;
    assert_eq!(edge.names(), ["ada"]);
}

#[tokio::test]
async fn a_restore_that_is_killed_leaves_what_was_there_and_is_done_again() {
    let edge = TestEdge::start("one").await;
    let mut world = with_customers(&edge, &["ada"]).await;
    let file = world.path("backup").display().to_string();
    world.cli(&format!("backup {file}")).await;
    lose_everything(&mut world).await;
    // All rows are in their tables by then.
    edge.table().looks.close();
    let mut restoring = world.cli_command(&format!("restore {file}")).spawn().unwrap();
    wait_until("the edge is asked", 1, async || edge.table().looks.waited).await;
    restoring.kill().await.unwrap();
    edge.table().looks.open();
    world.start_again().await;
    assert!(world.app().store.routes("", 10).await.unwrap().is_empty());
    world.stop().await;
    world.database.wipe().await;
    world.cli(&format!("restore {file}")).await;
    world.start_again().await;
    assert_eq!(world.app().store.routes("", 10).await.unwrap().len(), 1);
    assert!(edge.table().generation > Generation(0));
}
