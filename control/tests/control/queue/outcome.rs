//! What becomes of a task after an attempt.

use std::sync::Arc;
use std::time::Duration;

use control::model::task::{Kind, TaskState};
use control::queue::JobError;

use super::jobs::{Answering, Stepping, failed};
use super::shop::{Shop, forget_tasks};
use crate::common::database::Database;
use crate::common::wait_until;

/// Runs one task of a mail to `expected`; returns it, and the attempts that were made.
async fn check(
    answer: fn(u32) -> Result<(), JobError>,
    expected: TaskState,
    counted: u32,
    made: u32,
) {
    let database = Database::fresh().await;
    let shop = Shop::on(&database).await;
    let id = shop.put(Kind::Mail, "mail/welcome").await;
    let job = Answering::new(Kind::Mail, answer);
    let runner = shop.start(vec![Arc::clone(&job) as _]);
    shop.hurry_until(&id, expected).await;
    let (task, _) = shop.task(&id).await;
    assert_eq!((task.attempts, job.attempts()), (counted, made));
    assert_eq!(task.finished.is_some(), expected != TaskState::Waiting);
    runner.stop().await;
}

#[tokio::test]
async fn a_failure_is_tried_again() {
    check(|attempt| if attempt < 2 { Err(failed()) } else { Ok(()) }, TaskState::Done, 3, 3).await;
}

#[tokio::test]
async fn a_panic_is_a_failure() {
    check(|attempt| if attempt < 1 { panic!("a mistake") } else { Ok(()) }, TaskState::Done, 2, 2)
        .await;
}

#[tokio::test]
async fn a_task_dies_with_its_last_attempt_and_not_before() {
    check(|_| Err(failed()), TaskState::Dead, 3, 3).await;
}

#[tokio::test]
async fn a_task_that_only_waits_does_not_die_of_it() {
    let wait = |attempt| match attempt {
        0..7 => Err(JobError::snooze("no sprite is available", Duration::from_secs(5))),
        _ => Ok(()),
    };
    check(wait, TaskState::Done, 1, 8).await;
}

#[tokio::test]
async fn a_task_that_is_called_off_is_stopped_at_its_next_step() {
    let database = Database::fresh().await;
    let shop = Shop::on(&database).await;
    let job = Stepping::new(Kind::Recycle, None);
    let held = shop.put(Kind::Recycle, "recycle/sub_1").await;
    let claimed = shop.claim(Kind::Recycle).await.unwrap();
    assert_eq!(shop.store.retry_task(&held, shop.now()).await.unwrap(), Some(false));
    assert_eq!(shop.store.cancel_task(&held, None, shop.now()).await.unwrap(), Some(true));
    assert_eq!(shop.store.cancel_task(&held, None, shop.now()).await.unwrap(), Some(false));
    let begun = shop.store.begin_step(&claimed.lease, "cut", 0, shop.now()).await;
    assert!(matches!(begun, Err(control::store::LeaseError::Lost)), "{begun:?}");
    let runner = shop.start(vec![Arc::clone(&job) as _]);
    assert_eq!(shop.store.retry_task(&held, shop.now()).await.unwrap(), Some(true));
    shop.wait_until(&held, TaskState::Done).await;
    assert_eq!(shop.store.retry_task(&held, shop.now()).await.unwrap(), Some(false));
    runner.stop().await;
}

#[tokio::test]
async fn a_task_is_not_begun_before_its_time() {
    let database = Database::fresh().await;
    let shop = Shop::on(&database).await;
    let job = Answering::new(Kind::Mail, |_| Ok(()));
    let runner = shop.start(vec![Arc::clone(&job) as _]);
    let tomorrow = shop.now().after(Duration::from_secs(86_400));
    let later = control::model::task::NewTask {
        kind: Kind::Mail,
        dedupe: "mail/later".to_owned(),
        username: None,
        payload: serde_json::Value::Null,
        run_at: Some(tomorrow),
    };
    let later = shop.store.enqueue(&later, shop.now()).await.unwrap();
    let at_once = shop.put(Kind::Mail, "mail/at-once").await;
    shop.wait_until(&at_once, TaskState::Done).await;
    assert_eq!(shop.state(&later).await, TaskState::Waiting);
    shop.hurry_until(&later, TaskState::Done).await;
    assert!(shop.now() >= tomorrow);
    runner.stop().await;
}

#[tokio::test]
async fn whoever_watches_hears_of_every_step() {
    let database = Database::fresh().await;
    let shop = Shop::on(&database).await;
    let job = Stepping::new(Kind::Recycle, Some(7));
    let mut changes = shop.store.notifier().changes();
    let id = shop.put(Kind::Recycle, "recycle/sub_1").await;
    assert!(changes.has_changed().unwrap());
    let runner = shop.start(vec![Arc::clone(&job) as _]);
    wait_until("it is halted", true, async || job.is_halted()).await;
    changes.mark_unchanged();
    assert_eq!(shop.store.cancel_task(&id, None, shop.now()).await.unwrap(), Some(true));
    assert!(changes.has_changed().unwrap());
    runner.stop().await;
    assert_eq!(shop.state(&id).await, TaskState::Cancelled, "nobody may give it back");
}

#[tokio::test]
async fn what_ended_long_ago_is_forgotten_with_its_steps() {
    let database = Database::fresh().await;
    let shop = Shop::on(&database).await;
    let done = shop.put(Kind::Recycle, "recycle/sub_1").await;
    let runner = shop.start(vec![Stepping::new(Kind::Recycle, None) as _]);
    shop.wait_until(&done, TaskState::Done).await;
    runner.stop().await;
    let waiting = shop.put(Kind::Recycle, "recycle/sub_2").await;
    let ended = shop.task(&done).await.0.finished.unwrap();
    let before = ended.before(Duration::from_millis(1));
    assert_eq!(forget_tasks(&shop.store, before).await, 0);
    assert_eq!(forget_tasks(&shop.store, ended).await, 1);
    assert_eq!(shop.store.task(&done).await.unwrap(), None);
    assert_eq!(shop.state(&waiting).await, TaskState::Waiting);
}
