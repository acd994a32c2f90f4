//! One holder at a time, and nothing is written in the name of a former one.

use std::sync::Arc;

use control::model::task::lease::LEASE;
use control::model::task::{Kind, Outcome, StepState, TaskState};
use control::queue::Job;
use control::store::LeaseError;
use futures_util::future::join_all;
use serde_json::json;

use super::jobs::Stepping;
use super::shop::Shop;
use crate::common::database::Database;

#[tokio::test]
async fn a_cause_told_many_times_at_once_is_one_task() {
    let database = Database::fresh().await;
    let shop = Shop::on(&database).await;
    let ids = join_all((0..10).map(|_| shop.put(Kind::Stripe, "stripe/evt_1"))).await;
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_ne!(shop.put(Kind::Stripe, "stripe/evt_2").await, ids[0]);
    let claimed = shop.claim(Kind::Stripe).await.unwrap();
    shop.store.settle(&claimed.lease, &Outcome::Done, shop.now()).await.unwrap();
    assert_eq!(shop.put(Kind::Stripe, "stripe/evt_1").await, ids[0], "also when it is done");
}

#[tokio::test]
async fn a_task_claimed_by_many_at_once_is_had_by_one() {
    let database = Database::fresh().await;
    let shop = Shop::on(&database).await;
    let other = shop.another(&database).await;
    for number in 0..20 {
        shop.put(Kind::Mail, &format!("mail/{number}")).await;
    }
    let claims = (0..40).map(|number| if number % 2 == 0 { &shop } else { &other });
    let claimed = join_all(claims.map(|shop| shop.claim(Kind::Mail))).await;
    let mut had: Vec<_> = claimed.into_iter().flatten().map(|claimed| claimed.task.id).collect();
    while let Some(claimed) = shop.claim(Kind::Mail).await {
        had.push(claimed.task.id);
    }
    had.sort();
    let all = had.len();
    had.dedup();
    assert_eq!((had.len(), all), (20, 20));
}

#[tokio::test]
async fn a_lease_that_ran_out_is_worth_nothing() {
    let database = Database::fresh().await;
    let shop = Shop::on(&database).await;
    let id = shop.put(Kind::Recycle, "recycle/sub_1").await;
    let late = shop.claim(Kind::Recycle).await.unwrap().lease;
    shop.store.begin_step(&late, "cut", 0, shop.now()).await.unwrap();
    assert!(shop.claim(Kind::Recycle).await.is_none());
    shop.let_pass(LEASE);
    shop.store.renew(&late, shop.now()).await.expect("nobody took it yet");
    let held = shop.claim(Kind::Recycle).await.unwrap();
    assert_eq!((held.task.attempts, held.lease.token), (2, late.token + 1));
    let (store, now) = (&shop.store, shop.now());
    let later = Outcome::Later { at: now, counts: true, why: "no".to_owned() };
    for outcome in [
        store.begin_step(&late, "stop", 1, now).await,
        store.finish_step(&late, "cut", &json!(1), now).await,
        store.interrupt_step(&late, "cut", StepState::Failed, "no", now).await,
        store.renew(&late, now).await,
        store.give_back(&late, now).await,
        store.settle(&late, &Outcome::Done, now).await,
        store.settle(&late, &later, now).await,
    ] {
        assert!(matches!(outcome, Err(LeaseError::Lost)), "{outcome:?}");
    }
    store.finish_step(&held.lease, "cut", &json!(2), now).await.unwrap();
    store.settle(&held.lease, &Outcome::Done, now).await.unwrap();
    assert_eq!(shop.steps(&id).await[0], ("cut".to_owned(), "done", Some(json!(2))));
    assert_eq!(shop.state(&id).await, TaskState::Done);
}

#[tokio::test]
async fn workers_of_two_processes_do_each_task_once() {
    let database = Database::fresh().await;
    let shop = Shop::on(&database).await;
    let other = shop.another(&database).await;
    let job = Stepping::new(Kind::Mail, None);
    let jobs = || vec![Arc::clone(&job) as Arc<dyn Job>];
    let ids = join_all((0..30).map(|number| {
        let shop = &shop;
        async move { shop.put(Kind::Mail, &format!("mail/{number}")).await }
    }))
    .await;
    let runners = [shop.start(jobs()), other.start(jobs())];
    for id in &ids {
        shop.wait_until(id, TaskState::Done).await;
    }
    let asked = job.asked.lock().unwrap().clone();
    assert_eq!((asked.len(), asked.values().max()), (30, Some(&1)));
    for runner in runners {
        runner.stop().await;
    }
}
