//! What is looked at after an attempt.

use super::{again, done_for, run};
use crate::common::wait_until;
use crate::machines::installation::Town;

#[tokio::test]
async fn a_service_that_stops_during_the_task_is_started_anew_after_it() {
    let town = Town::start(1).await;
    town.until_available(1).await;
    town.edge.table().changes.close();
    let task = town.pay("ada").await;
    let waiting = async || {
        let state =
            format!("SELECT state FROM task_steps WHERE task = '{task}' AND name = 'route'");
        town.installation.database.text(&state).await
    };
    wait_until("its route is told", Some("running".to_owned()), waiting).await;
    town.provider.stop_service(&town.machine_of("ada").await.unwrap()).await;
    town.edge.table().changes.open();
    town.until_done(&task).await;
    let done = done_for(&town, "services").await;
    assert!(done.len() == 1 && done[0].contains("was registered and started anew ("), "{done:?}");
    town.check_live("ada").await;
    again(&town, &task).await;
    assert_eq!(done_for(&town, "services").await, done, "it is well again");
}

/// The task of the welcome letter. One that says that the order came may be there as well.
async fn welcome(town: &Town) -> String {
    let asked = "SELECT id FROM tasks WHERE dedupe_key LIKE 'mail/welcome/%'";
    town.installation.database.text(asked).await.unwrap()
}

#[tokio::test]
async fn a_welcome_mail_that_has_failed_is_tried_again() {
    let town = Town::start(1).await;
    let task = town.pay("ada").await;
    town.until_done(&task).await;
    let id = welcome(&town).await;
    town.until_done(&id).await;
    run(&town, "UPDATE mails SET state = 'failed'").await;
    run(&town, "UPDATE tasks SET state = 'dead' WHERE kind = 'MAIL'").await;
    again(&town, &task).await;
    let done = done_for(&town, "mail").await;
    assert_eq!(done, [format!("fix {id} is tried again (the welcome mail has failed)")]);
    town.until_done(&id).await;
}

#[tokio::test]
async fn a_welcome_mail_that_may_have_been_sent_is_left_to_a_person() {
    let town = Town::start(1).await;
    let task = town.pay("ada").await;
    town.until_done(&task).await;
    let id = welcome(&town).await;
    town.until_done(&id).await;
    run(&town, "UPDATE mails SET state = 'failed', tried_at = 1").await;
    run(&town, "UPDATE tasks SET state = 'dead' WHERE kind = 'MAIL'").await;
    again(&town, &task).await;
    let done = done_for(&town, "mail").await;
    assert!(done.len() == 1 && done[0].starts_with("note it may have been sent"), "{done:?}");
    assert_eq!(town.task(&id).await["state"], "dead");
}

#[tokio::test]
async fn a_new_workspace_is_asked_for_through_the_edge_as_a_visitor_would() {
    let town = Town::start(1).await;
    let task = town.pay("ada").await;
    town.until_done(&task).await;
    assert!(town.edge.table().visits.iter().any(|host| host == "ada.arca.test:8080"));
    assert_eq!(done_for(&town, "route").await, [""; 0]);
    // An edge that says it is in step, and has no such host.
    town.edge.table().visitors_get = Some(reqwest::StatusCode::NOT_FOUND);
    again(&town, &task).await;
    let done = done_for(&town, "route").await;
    assert!(!done.is_empty(), "nobody noticed");
    town.edge.table().visitors_get = None;
    again(&town, &task).await;
    assert_eq!(done_for(&town, "route").await, done, "it is well again");
}

#[tokio::test]
async fn a_pool_that_ran_short_is_expanded_beyond_what_is_wanted() {
    let town = Town::start(1).await;
    let task = town.pay("ada").await;
    town.until_done(&task).await;
    town.until_available(1).await;
    // The keeper begins nothing more: as many as may have failed.
    run(&town, "UPDATE pool SET failures = 99").await;
    run(&town, "UPDATE sprites SET state = 'failed' WHERE state = 'available'").await;
    wait_until("the pool is empty", 1, async || town.rows().await.len()).await;
    again(&town, &task).await;
    let done = done_for(&town, "pool_refill").await;
    assert!(done.len() == 1 && done[0].starts_with("fix pool expanded (was 0): "), "{done:?}");
    town.until_available(3).await;
    again(&town, &task).await;
    assert_eq!(done_for(&town, "pool_refill").await.len(), 1, "it is whole");
}
