//! A workspace that is not at rest is worked at, or a person is told.

use std::time::Duration;

use control::base::clock::Moment;
use control::model::task::kinds::ProvisionWorkspace;
use control::model::task::{Kind, NewTask, TaskId};
use control::store::{LOG_CHANGES, Store};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use shared::{Secret, Username};

use super::shop::forget_tasks;
use crate::common::{World, wait_until};
use crate::machines::customer;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

/// A workspace of `ada` in this state, without a task.
async fn world_with(state: &str) -> World {
    let world = World::start(&[]).await;
    world.database.run(customer::rows("ada", state)).await;
    world
}

/// As the payment leaves it.
async fn put_task(world: &World) -> TaskId {
    let store = Store::open(&Secret::new(world.database.url.clone()), LOG_CHANGES).await.unwrap();
    let username: Username = "ada".parse().unwrap();
    let signup = store.workspace(&username).await.unwrap().unwrap().signup;
    let task = NewTask::new("prov/cs_1".to_owned(), Some(username), &ProvisionWorkspace { signup });
    let id = store.enqueue(&task, Moment::from_seconds(world.now_seconds())).await.unwrap();
    world.database.run(format!("UPDATE workspaces SET task = '{id}'")).await;
    store.close().await;
    id
}

async fn ids(world: &World, kind: &str) -> Vec<String> {
    let path = format!("/api/tasks?username=ada&kind={kind}");
    let (_, page) = world.api(Method::GET, &path, None).await;
    let items = page["items"].as_array().unwrap().iter();
    items.map(|task| task["id"].as_str().unwrap().to_owned()).collect()
}

/// The keys of incidents, without the day.
async fn incidents(world: &World) -> Vec<String> {
    let (_, page) = world.api(Method::GET, "/api/tickets", None).await;
    let keys = page["items"].as_array().unwrap().iter().map(|it| it["incident"].as_str().unwrap());
    keys.map(|key| key.split('/').next().unwrap().to_owned()).collect()
}

async fn post(world: &World, path: &str) -> (StatusCode, Value) {
    world.api(Method::POST, path, None).await
}

#[tokio::test]
async fn a_workspace_at_which_nobody_works_is_given_one_task() {
    for (state, kind) in [("preparing", "PROV"), ("ending", "RECYCLE")] {
        let world = world_with(state).await;
        world.let_pass(2 * MINUTE).await;
        let count = async || ids(&world, kind).await.len();
        wait_until("it has a task", 1, count).await;
        world.let_pass(2 * MINUTE).await;
        let (_, again) = post(&world, &format!("/api/workspaces/ada/{}", word(state))).await;
        assert_eq!(again["id"].as_str(), Some(ids(&world, kind).await[0].as_str()));
        assert_eq!(count().await, 1, "{state}");
    }
}

fn word(state: &str) -> &'static str {
    if state == "ending" { "end" } else { "provision" }
}

#[tokio::test]
async fn who_has_paid_and_waits_is_told_of_whatever_the_cause_and_again_the_next_day() {
    let world = world_with("preparing").await;
    let id = put_task(&world).await;
    // It only waits: no attempt counts, and each time it is put off again.
    let put_off = "UPDATE tasks SET run_at = run_at + 600000 WHERE kind = 'PROV'";
    world.database.run(put_off.to_owned()).await;
    world.let_pass(9 * MINUTE).await;
    assert!(incidents(&world).await.is_empty());
    world.let_pass(2 * MINUTE).await;
    let told = async || incidents(&world).await;
    wait_until("it is told of", vec!["unserved".to_owned()], told).await;
    let metrics = world.metrics().await;
    let age = r#"arca_control_tasks_oldest_waiting_seconds{kind="PROV"} 660"#;
    assert!(metrics.contains(age), "{metrics}");
    let (_, task) = world.api(Method::GET, &format!("/api/tasks/{id}"), None).await;
    assert_eq!(task["due_at"], task["created_at"]);
    world.let_pass(DAY).await;
    wait_until("it is told again", vec!["unserved".to_owned(); 2], told).await;
}

#[tokio::test]
async fn a_task_of_a_workspace_is_called_off_for_a_reason_and_is_nobodys_loss() {
    let world = world_with("preparing").await;
    let id = put_task(&world).await;
    let (status, answer) = post(&world, &format!("/api/tasks/{id}/cancel")).await;
    assert_eq!(
        (status, &answer["error"]["field"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &"reason".into())
    );
    let shown = world.cli(&format!("tasks cancel {id} --reason fraud --yes")).await;
    assert!(shown.contains("\nerror    called off: fraud\n"), "{shown}");
    world.let_pass(11 * MINUTE).await;
    let told = async || incidents(&world).await;
    wait_until("it is told of", vec!["unserved".to_owned()], told).await;
    assert_eq!(ids(&world, "PROV").await.len(), 1, "nobody undoes what somebody decided");
    // The task is long forgotten, and there is still a way on.
    world.database.run("DELETE FROM tasks WHERE kind = 'PROV'".to_owned()).await;
    let shown = world.cli("workspaces provision ada").await;
    assert!(shown.contains(" is waiting, attempt 0 of 20\n"), "{shown}");
}

#[tokio::test]
async fn an_end_that_was_called_off_is_told_of_and_goes_on_by_hand() {
    let world = world_with("ending").await;
    world.let_pass(2 * MINUTE).await;
    wait_until("it has a task", 1, async || ids(&world, "RECYCLE").await.len()).await;
    let id = ids(&world, "RECYCLE").await.remove(0);
    let (status, _) = post(&world, &format!("/api/tasks/{id}/cancel?reason=later")).await;
    assert_eq!(status, StatusCode::OK);
    world.let_pass(11 * MINUTE).await;
    let told = async || incidents(&world).await;
    wait_until("it is told of", vec!["ending".to_owned()], told).await;
    let shown = world.cli("workspaces end ada --yes").await;
    assert!(shown.starts_with(&format!("{id} is waiting, attempt 0 of 30\n")), "{shown}");
    assert_eq!(post(&world, "/api/workspaces/ada/provision").await.0, StatusCode::CONFLICT);
    assert_eq!(post(&world, "/api/workspaces/bob/end").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_machine_is_replaced_by_a_new_task_and_the_old_one_left_to_the_pool() {
    let world = world_with("live").await;
    let machine =
        "INSERT INTO sprites (name, state, base, username, assignment, created_at, changed_at)
                   VALUES ('arca-1', 'assigned', 'b', 'ada', 1, 1, 1)";
    world.database.run(machine.to_owned()).await;
    assert_eq!(post(&world, "/api/workspaces/ada/provision").await.0, StatusCode::CONFLICT);
    let missing = post(&world, "/api/workspaces/ada/replace-machine").await;
    assert!(missing.0.is_client_error(), "{missing:?}");
    let shown = world.cli("workspaces replace-machine ada --reason broken --yes").await;
    assert!(shown.contains(" is waiting, attempt 0 of 20\n"), "{shown}");
    let row = "SELECT state || ' ' || last_error FROM sprites WHERE username IS NULL";
    let row = world.database.text(row).await;
    assert_eq!(row.as_deref(), Some("failed replaced by hand: broken"));
    // Without a machine it needs one, however often it is said.
    let again = post(&world, "/api/workspaces/ada/provision").await;
    assert_eq!(again.1["id"].as_str(), Some(ids(&world, "PROV").await[0].as_str()));
}

#[tokio::test]
async fn a_task_that_was_given_up_is_kept_until_somebody_has_seen_to_it() {
    let world = world_with("preparing").await;
    let id = put_task(&world).await;
    let dead = format!("UPDATE tasks SET state = 'dead', finished_at = 1 WHERE id = '{id}'");
    world.database.run(dead).await;
    let store = &world.app().store;
    let until = Moment::from_seconds(world.now_seconds());
    assert_eq!(forget_tasks(store, until).await, 0);
    assert_eq!(store.cancel_task(&id, Some("refunded"), until).await.unwrap(), Some(true));
    assert_eq!(forget_tasks(store, until).await, 1);
    assert_eq!(id.kind(), Kind::Provision);
}
