//! Several processes on one PostgreSQL. Where none is named there is nothing to
//! tell: SQLite belongs to one process.

use std::sync::Arc;

use control::model::task::lease::LEASE;
use control::model::task::{Kind, TaskState};
use control::store::Topic;

use super::jobs::{Answering, Stepping};
use super::shop::Shop;
use crate::common::database::Database;
use crate::common::wait_until;

#[tokio::test]
async fn what_one_process_puts_in_the_other_does_without_a_sweep() {
    let Some(database) = Database::shareable().await else { return };
    let (one, other) = two(&database).await;
    let mut changes = one.store.notifier().changes();
    let runners = [one.start(Vec::new()), other.start(vec![mail()])];
    for number in 0..5 {
        let id = one.put(Kind::Mail, &format!("mail/{number}")).await;
        one.wait_until(&id, TaskState::Done).await;
    }
    changes.mark_unchanged();
    let id = other.put(Kind::Mail, "mail/theirs").await;
    other.wait_until(&id, TaskState::Done).await;
    wait_until("the one hears of it", true, async || changes.has_changed().unwrap()).await;
    for runner in runners {
        runner.stop().await;
    }
}

#[tokio::test]
async fn whoever_loses_the_database_for_a_while_finds_what_was_put_in() {
    let Some(database) = Database::shareable().await else { return };
    let (one, other) = two(&database).await;
    let runner = other.start(vec![mail()]);
    let id = one.put(Kind::Mail, "mail/before").await;
    one.wait_until(&id, TaskState::Done).await;
    database.cut_connections().await;
    for name in ["mail/amid", "mail/after"] {
        let id = one.put(Kind::Mail, name).await;
        one.wait_until(&id, TaskState::Done).await;
    }
    runner.stop().await;
}

#[tokio::test]
async fn either_process_may_be_lost() {
    let Some(database) = Database::shareable().await else { return };
    let (one, other) = two(&database).await;
    for (killed, left) in [(&one, &other), (&other, &one)] {
        let job = Stepping::new(Kind::Recycle, Some(4));
        let dedupe = format!("recycle/{}", killed.now().millis());
        let runner = killed.start(vec![Arc::clone(&job) as _]);
        let id = left.put(Kind::Recycle, &dedupe).await;
        wait_until("it is halted", true, async || job.is_halted()).await;
        let next = left.start(vec![Arc::clone(&job) as _]);
        drop(runner);
        killed.let_pass(LEASE);
        left.store.notifier().notify(Topic::TasksDue);
        left.wait_until(&id, TaskState::Done).await;
        next.stop().await;
    }
}

async fn two(database: &Database) -> (Shop, Shop) {
    let one = Shop::on(database).await;
    let other = one.another(database).await;
    (one, other)
}

fn mail() -> Arc<Answering> {
    Answering::new(Kind::Mail, |_| Ok(()))
}
