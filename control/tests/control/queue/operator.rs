//! The queue as the operator sees it.

use control::model::task::{Kind, NewTask, Outcome};

use control::store::{LOG_CHANGES, Store};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shared::Secret;

use crate::common::World;

use control::base::clock::Moment;

/// Beside the program, as another process would.
async fn store_of(world: &World) -> Store {
    Store::open(&Secret::new(world.database.url.clone()), LOG_CHANGES).await.unwrap()
}

async fn put(store: &Store, kind: Kind, number: u64, username: &str) -> String {
    let new = NewTask {
        kind,
        dedupe: format!("cause/{number}"),
        username: Some(username.parse().unwrap()),
        payload: json!({ "number": number }),
        run_at: None,
    };
    let now = Moment::from_seconds(1_799_999_900 + number);
    store.enqueue(&new, now).await.unwrap().to_string()
}

fn ids(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|task| task["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn tasks_are_listed_in_pages_and_found_by_what_is_known_of_them() {
    let world = World::start(&[]).await;
    let store = store_of(&world).await;
    let mut all = Vec::new();
    for number in 0..5 {
        let kind = if number % 2 == 0 { Kind::Recycle } else { Kind::Prepare };
        all.push(put(&store, kind, number, ["ada", "bob"][usize::from(number == 4)]).await);
    }
    all.reverse();
    let list = async |query: &str| {
        let (status, page) = world.api(Method::GET, &format!("/api/tasks{query}"), None).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        page
    };
    assert_eq!(ids(&list("").await), all);
    let first = list("?limit=3").await;
    assert_eq!(ids(&first), &all[..3]);
    let rest = list(&format!("?limit=3&after={}", first["next"].as_str().unwrap())).await;
    assert_eq!((ids(&rest), rest["next"].is_null()), (vec![&*all[3], &*all[4]], true));
    assert_eq!(ids(&list("?username=bob").await), [&all[0]]);
    assert_eq!(ids(&list("?kind=PREPARE&state=waiting").await), [&all[1], &all[3]]);
    assert_eq!(ids(&list("?state=dead").await), [""; 0]);
    for wrong in ["state=lost", "kind=prov", "username=A", "after=x", "limit=0"] {
        let (status, answer) = world.api(Method::GET, &format!("/api/tasks?{wrong}"), None).await;
        assert!(status.is_client_error(), "{answer}");
        assert_eq!(answer["error"]["field"], wrong.split_once('=').unwrap().0, "{answer}");
    }
}

#[tokio::test]
async fn a_task_is_shown_with_its_steps_and_its_errors() {
    let world = World::start(&[]).await;
    let store = store_of(&world).await;
    let id = put(&store, Kind::Recycle, 1, "ada").await;
    let now = Moment::from_seconds(1_800_000_000);
    let claimed = store.claim(Kind::Recycle, now, now).await.unwrap().unwrap();
    let lease = &claimed.lease;
    store.begin_step(lease, "cut", 0, now).await.unwrap();
    store.finish_step(lease, "cut", &json!({ "edges": 2 }), now).await.unwrap();
    store.begin_step(lease, "stop", 1, now).await.unwrap();
    let why = "it does not answer";
    let failed = control::model::task::StepState::Failed;
    store.interrupt_step(lease, "stop", failed, why, now).await.unwrap();
    store.settle(lease, &Outcome::Dead { why: why.to_owned() }, now).await.unwrap();
    let (status, task) = world.api(Method::GET, &format!("/api/tasks/{id}"), None).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!((&task["state"], &task["last_error"]), (&json!("dead"), &json!(why)));
    assert_eq!(task["payload"], json!({ "number": 1 }));
    let steps: Vec<_> = task["steps"].as_array().unwrap().iter().collect();
    assert_eq!(steps[0]["result"], json!({ "edges": 2 }));
    assert_eq!((&steps[1]["state"], &steps[1]["error"]), (&json!("failed"), &json!(why)));
    let states: Vec<_> = steps.iter().map(|step| step["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["done", "failed", "waiting", "waiting", "waiting"]);
    let metrics = world.metrics().await;
    assert!(metrics.contains(r#"arca_control_tasks{kind="RECYCLE",state="dead"} 1"#), "{metrics}");
}

#[tokio::test]
async fn a_task_is_tried_again_or_called_off_by_hand() {
    let world = World::start(&[]).await;
    let store = store_of(&world).await;
    let id = put(&store, Kind::Recycle, 1, "ada").await;
    let ask = async |id: &str, what: &str| {
        let path = format!("/api/tasks/{id}/{what}");
        let (status, answer) = world.api(Method::POST, &path, None).await;
        (status.as_u16(), answer["state"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(ask(&id, "cancel?reason=test").await, (200, "cancelled".to_owned()));
    assert_eq!(ask(&id, "cancel?reason=test").await, (409, String::new()));
    assert_eq!(ask(&id, "retry").await, (200, "waiting".to_owned()));
    let now = Moment::from_seconds(1_800_000_000);
    let claimed =
        store.claim(Kind::Recycle, now, now.after(control::model::task::lease::LEASE)).await;
    let lease = claimed.unwrap().unwrap().lease;
    assert_eq!(ask(&id, "retry").await, (409, String::new()));
    store.settle(&lease, &Outcome::Done, now).await.unwrap();
    assert_eq!(ask(&id, "cancel?reason=test").await, (409, String::new()));
    for what in ["retry", "cancel?reason=test"] {
        assert_eq!(ask("RECYCLE-20260214-a1b2c3d4", what).await.0, 404);
        assert_eq!(ask("recycle", what).await.0, 422);
    }
    let (status, _) = world.api(Method::GET, "/api/tasks/RECYCLE-20260214-a1b2c3d4", None).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_command_line_lists_shows_revives_and_calls_off() {
    let world = World::start(&[]).await;
    let store = store_of(&world).await;
    let id = put(&store, Kind::Recycle, 1, "ada").await;
    let now = Moment::from_seconds(1_800_000_000);
    let lease = store.claim(Kind::Recycle, now, now).await.unwrap().unwrap().lease;
    let why = "sprite arca-1 does not answer".to_owned();
    store.settle(&lease, &Outcome::Dead { why }, now).await.unwrap();
    assert_eq!(
        world.cli("tasks list --state dead --kind RECYCLE --username ada").await,
        format!(
            "ID                         STATE  FOR  AGE  ATTEMPTS  NEXT  CAUSE    ERROR\n\
             {id}  dead   ada  99s  1/30      -     cause/1  sprite arca-1 does not answer\n"
        )
    );
    assert_eq!(world.cli("tasks list --state running --json").await, "[]\n");
    let shown = world.cli(&format!("tasks retry {id}")).await;
    assert!(shown.starts_with(&format!("{id} is waiting, attempt 0 of 30\n")), "{shown}");
    assert!(shown.contains("\ndestroy  waiting  0         -"), "{shown}");
    let shown = world.cli(&format!("tasks cancel {id} --reason test --json --yes")).await;
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!((&shown["state"], &shown["payload"]["number"]), (&json!("cancelled"), &json!(1)));
    let shown = world.cli(&format!("tasks show {id}")).await;
    assert!(shown.contains("\nerror    called off: test\n"), "{shown}");
}
