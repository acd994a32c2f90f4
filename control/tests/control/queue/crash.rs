//! A worker that ends anywhere leaves a task that is done all the same.

use std::sync::Arc;

use control::model::task::lease::LEASE;
use control::model::task::{Kind, TaskState};

use super::jobs::{PLACES_A_STEP, Stepping};
use super::shop::Shop;
use crate::common::database::Database;
use crate::common::wait_until;

const KIND: Kind = Kind::Recycle;

/// The steps, what they found, and what was asked for, after a run that is killed
/// at `halt_at` and then begun again.
async fn story(database: &Database, halt_at: Option<u32>) -> (Vec<String>, u32) {
    let shop = Shop::on(database).await;
    let job = Stepping::new(KIND, halt_at);
    let id = shop.put(KIND, &format!("recycle/{halt_at:?}")).await;
    let killed = shop.start(vec![Arc::clone(&job) as _]);
    if halt_at.is_some() {
        wait_until("it is halted", true, async || job.is_halted()).await;
        drop(killed);
        shop.let_pass(LEASE);
        let next = shop.another(database).await;
        let runner = next.start(vec![Arc::clone(&job) as _]);
        shop.wait_until(&id, TaskState::Done).await;
        runner.stop().await;
    } else {
        shop.wait_until(&id, TaskState::Done).await;
        killed.stop().await;
    }
    let mut end: Vec<_> = shop.steps(&id).await.iter().map(|step| format!("{step:?}")).collect();
    let asked = job.asked.lock().unwrap();
    // Every id is another one; what was asked under it is the same.
    end.extend(asked.keys().map(|key| key.replace(id.as_str(), "")));
    (end, *asked.values().max().unwrap())
}

#[tokio::test]
async fn a_worker_killed_anywhere_ends_in_the_same_state() {
    let database = Database::fresh().await;
    let (undisturbed, _) = story(&database, None).await;
    let places = u32::try_from(KIND.spec().steps.len()).unwrap() * PLACES_A_STEP;
    for place in 0..places {
        let (end, most_asked) = story(&database, Some(place)).await;
        assert_eq!(end, undisturbed, "killed at place {place}");
        // Only what was done and not yet noted is asked for again.
        let is_between = place % PLACES_A_STEP == 1;
        assert_eq!(most_asked, 1 + u32::from(is_between), "killed at place {place}");
    }
}

#[tokio::test]
async fn what_is_in_flight_when_the_program_stops_is_given_back_at_once() {
    let database = Database::fresh().await;
    let shop = Shop::on(&database).await;
    let job = Stepping::new(KIND, Some(4));
    let id = shop.put(KIND, "recycle/sub_1").await;
    let runner = shop.start(vec![Arc::clone(&job) as _]);
    wait_until("it is halted", true, async || job.is_halted()).await;
    assert_eq!(shop.steps(&id).await[1].1, "running");
    runner.stop().await;
    let (task, steps) = shop.task(&id).await;
    assert_eq!((task.state, task.attempts), (TaskState::Waiting, 0));
    assert_eq!(steps[1].state.as_str(), "waiting");
    let runner = shop.start(vec![Arc::clone(&job) as _]);
    shop.wait_until(&id, TaskState::Done).await;
    runner.stop().await;
}

#[tokio::test]
async fn a_task_that_kills_its_workers_dies_after_its_last_attempt() {
    let database = Database::fresh().await;
    let shop = Shop::on(&database).await;
    let id = shop.put(Kind::Mail, "mail/poison").await;
    for attempt in 1..=Kind::Mail.spec().max_attempts {
        let claimed = shop.claim(Kind::Mail).await.unwrap();
        assert_eq!(claimed.task.attempts, attempt);
        shop.let_pass(LEASE);
    }
    let job = super::jobs::Answering::new(Kind::Mail, |_| Ok(()));
    let runner = shop.start(vec![Arc::clone(&job) as _]);
    shop.hurry_until(&id, TaskState::Dead).await;
    let (task, _) = shop.task(&id).await;
    assert_eq!((task.attempts, job.attempts()), (task.max_attempts, 0));
    let why = "its last attempt ended with the program";
    assert_eq!(task.last_error.as_deref(), Some(why));
    assert_eq!(*job.deaths.lock().unwrap(), [why, why], "the first time nobody listened");
    runner.stop().await;
}

#[tokio::test]
async fn a_stop_claims_nothing_more_however_much_is_waiting() {
    let database = Database::fresh().await;
    let shop = Shop::on(&database).await;
    for number in 0..40 {
        shop.put(KIND, &format!("recycle/{number}")).await;
    }
    let job = super::jobs::Endless::new(KIND);
    let dispatcher = shop.start(vec![Arc::clone(&job) as _]);
    let slots = KIND.spec().max_concurrency;
    wait_until("all slots are taken", slots, async || job.begun()).await;
    dispatcher.stop().await;
    let count = async |query: &str| database.text(query).await.unwrap();
    let running = "SELECT CAST(COUNT(*) AS TEXT) FROM tasks WHERE state = 'running'";
    assert_eq!(count(running).await, "0", "all are given back");
    let claims = "SELECT CAST(SUM(lease_token) AS TEXT) FROM tasks";
    assert_eq!(count(claims).await, slots.to_string(), "none is claimed after the stop");
}
