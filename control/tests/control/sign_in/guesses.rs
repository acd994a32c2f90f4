//! Passwords that are guessed.

use std::ops::Range;
use std::time::Duration;

use control::accounts::sign_in::Attempt;
use reqwest::StatusCode;

use super::world;
use crate::common::PASSWORD;
use crate::common::browser::Browser;

#[tokio::test]
async fn five_failures_close_the_door_to_an_address_and_read_alike() {
    let world = world().await;
    let mut guesser = Browser::new(&world);
    let mut bodies = Vec::new();
    for name in ["ada", "nobody", "ada", "ada", "Not A Name!"] {
        let page = guesser.log_in(name, "wrong password here").await;
        assert_eq!(page.status, StatusCode::UNAUTHORIZED, "{page:?}");
        bodies.push(page.body.contains("This name and password do not belong together."));
    }
    assert_eq!(bodies, [true; 5]);
    let page = guesser.log_in("ada", PASSWORD).await;
    assert_eq!(page.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(page.headers.contains_key("retry-after"));
    let mut owner = Browser::new(&world);
    owner.address = "198.51.100.7";
    assert_eq!(owner.log_in("ada", PASSWORD).await.status, StatusCode::SEE_OTHER);
    world.let_pass(Duration::from_secs(15 * 60)).await;
    assert_eq!(guesser.log_in("ada", PASSWORD).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn guesses_from_many_places_slow_new_places_down_and_not_the_owner() {
    let world = world().await;
    let mut owner = Browser::new(&world);
    assert_eq!(owner.log_in("ada", PASSWORD).await.status, StatusCode::SEE_OTHER);
    let places: Vec<String> = (0..20).map(|n| format!("198.51.100.{n}")).collect();
    for place in &places {
        let mut guesser = Browser::new(&world);
        guesser.address = place;
        let page = guesser.log_in("ada", "wrong password here").await;
        assert_eq!(page.status, StatusCode::UNAUTHORIZED, "{place}");
    }
    let mut new = Browser::new(&world);
    new.address = "192.0.2.77";
    assert_eq!(new.log_in("ada", PASSWORD).await.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(owner.log_in("ada", PASSWORD).await.status, StatusCode::SEE_OTHER);
    world.let_pass(Duration::from_secs(1)).await;
    assert_eq!(new.log_in("ada", PASSWORD).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_neighbours_failures_lock_no_known_customer_out() {
    let world = world().await;
    world.add_customer("bob").await;
    let mut owner = Browser::new(&world);
    assert_eq!(owner.log_in("ada", PASSWORD).await.status, StatusCode::SEE_OTHER);
    let mut neighbour = Browser::new(&world);
    for _ in 0..5 {
        neighbour.log_in("bob", "wrong password here").await;
    }
    let closed = neighbour.log_in("bob", PASSWORD).await;
    assert_eq!(closed.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(closed.body.contains("try again in 15 minutes"), "{}", closed.body);
    assert_eq!(owner.log_in("ada", PASSWORD).await.status, StatusCode::SEE_OTHER);
    for _ in 0..5 {
        owner.log_in("ada", "wrong password here").await;
    }
    assert_eq!(owner.log_in("ada", PASSWORD).await.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn guesses_that_come_at_once_are_counted_one_by_one() {
    let world = world().await;
    // Whoever waits too long for their turn is sent away uncounted, and comes again.
    let guess = async |_| {
        let mut browser = Browser::new(&world);
        loop {
            let status = browser.log_in("ada", "wrong password here").await.status;
            if status != StatusCode::SERVICE_UNAVAILABLE {
                return status;
            }
        }
    };
    let seen = futures_util::future::join_all((0..12).map(guess)).await;
    let wrong = seen.iter().filter(|status| **status == StatusCode::UNAUTHORIZED).count();
    assert_eq!(wrong, 5, "{seen:?}");
}

#[tokio::test]
async fn an_address_that_somebody_has_is_refused_like_one_that_nobody_has() {
    let world = world().await;
    let guess = async |typed: &str, places: Range<u8>| {
        let mut refusals = Vec::new();
        for place in places.flat_map(|place| [place; 4]) {
            let attempt = Attempt {
                username: typed.to_owned(),
                password: "wrong password here".to_owned(),
                address: [192, 0, 2, place].into(),
            };
            let app = world.app();
            let refused = app.sign_in.check(attempt, app.now(), &app.metrics).await;
            refusals.push(refused.unwrap_err().to_string());
        }
        refusals
    };
    let slowed_down = guess("ada", 0..6).await;
    assert_eq!(slowed_down[20], "too many failed attempts");
    let known = guess("ada@mail.test", 10..16).await;
    assert_eq!(known[20], "too many failed attempts", "an address is guessed at no longer either");
    assert_eq!(known, guess("nobody@mail.test", 20..26).await);
    assert_eq!(known, slowed_down);
}
