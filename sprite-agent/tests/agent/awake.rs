//! The machine is held awake by the provider's task while the assistant works, and the
//! agent says when it will work next.

use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixListener;

use crate::gateway::TOKEN;
use crate::page::Page;
use crate::running::{HEALTH_TOKEN, Running};
use crate::supervision::{GOOD, Workshop, is_ok};
use crate::waiting::{LOOK_AGAIN, soon, wait_until};

/// A conversation.
const KEY: &str = "agent:main:x";

/// A message that is answered until somebody stops it.
fn slow() -> Value {
    json!({"sessionKey": KEY, "message": "ENDLESS please", "idempotencyKey": "k"})
}

async fn begin_to_answer(page: &mut Page) {
    assert_eq!(page.ask("chat.send", &slow()).await["ok"], true);
}

async fn abort(page: &mut Page) {
    assert_eq!(page.ask("chat.abort", &json!({"sessionKey": KEY})).await["ok"], true);
}

fn reminder() -> Value {
    json!({"name": "tea", "schedule": {"kind": "every", "everyMs": 3_600_000},
        "sessionTarget": "isolated", "wakeMode": "now", "payload": {"kind": "agentTurn"}})
}

/// Until the provider was asked last to hold the machine (`PUT`), or to let it go (`DELETE`).
async fn until_last(asked: &Mutex<Vec<String>>, method: &str) {
    let start = format!("{method} /v1/tasks/arca-agent ");
    let last = || asked.lock().unwrap().last().cloned().unwrap_or_default();
    wait_until(&start, last, |last| last.starts_with(&start)).await;
}

/// The provider's API inside a machine: notes what it is asked, and agrees.
fn provider(socket: &Path) -> Arc<Mutex<Vec<String>>> {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (seen, listener) = (asked.clone(), UnixListener::bind(socket).unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = vec![0; 4096];
            let length = stream.read(&mut head).await.unwrap_or(0);
            let text = String::from_utf8_lossy(&head[..length]).into_owned();
            seen.lock().unwrap().extend(text.lines().next().map(str::to_owned));
            let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    asked
}

async fn agent(workshop: &Workshop, socket: &Path) -> Running {
    let machine = format!("[machine]\napi_socket = \"{}\"\n", socket.display());
    let agent = workshop.agent("", &machine).await;
    agent.wait_for_health(is_ok).await;
    agent
}

/// A client of the gateway with every right, past the agent.
async fn operator(workshop: &Workshop) -> Page {
    let mut operator = Page::try_open(workshop.gateway, "/ws", &[]).await.unwrap();
    operator.event("connect.challenge").await;
    let connect = json!({"minProtocol": 4, "maxProtocol": 4, "role": "operator",
        "client": {"id": "gateway-client", "version": "1", "platform": "linux", "mode": "backend"},
        "scopes": ["operator.admin"], "auth": {"token": TOKEN}});
    assert_eq!(operator.ask("connect", &connect).await["ok"], true);
    operator
}

/// What is answered to who is about to stop the agent.
async fn suspend(agent: &Running) -> (u16, Value) {
    let bearer = format!("Bearer {HEALTH_TOKEN}");
    let reply = agent.ask("POST", "/pflaster/suspend", &[("authorization", &bearer)]).await;
    (reply.status, serde_json::from_str(&reply.body).unwrap())
}

/// Until the gateway says so of whether it takes new work.
async fn until_phase(operator: &mut Page, phase: &str) {
    while operator.event("gateway.suspension").await["phase"] != phase {}
}

fn held(health: &Value) -> Option<&str> {
    health["awake"]["held"].as_str()
}

#[tokio::test]
async fn while_an_answer_runs_the_machine_is_held_awake_although_no_page_is_open() {
    let (folder, workshop) = (tempfile::tempdir().unwrap(), Workshop::with(GOOD));
    let socket = folder.path().join("api.sock");
    let asked = provider(&socket);
    let agent = agent(&workshop, &socket).await;
    let first = asked.lock().unwrap().first().cloned().unwrap_or_default();
    assert!(first.starts_with("PUT "), "while it starts it is held: {first}");
    let mut page = Page::connected(agent.address).await;
    begin_to_answer(&mut page).await;
    drop(page);
    agent.wait_for_health(|health| held(health) == Some("working")).await;
    until_last(&asked, "PUT").await;

    let mut page = Page::connected(agent.address).await;
    abort(&mut page).await;
    agent.wait_for_health(|health| held(health).is_none()).await;
    until_last(&asked, "DELETE").await;
}

#[tokio::test]
async fn a_machine_is_let_go_when_the_gateway_says_that_nothing_runs() {
    let (folder, workshop) = (tempfile::tempdir().unwrap(), Workshop::with(GOOD));
    let socket = folder.path().join("api.sock");
    let asked = provider(&socket);
    let agent = agent(&workshop, &socket).await;
    agent.wait_for_health(|health| held(health).is_none()).await;
    let mut operator = operator(&workshop).await;
    let mut page = Page::connected(agent.address).await;
    begin_to_answer(&mut page).await;
    agent.wait_for_health(|health| held(health) == Some("working")).await;
    abort(&mut page).await;
    // It is closed to be asked, and open again before the machine is let go.
    until_phase(&mut operator, "prepared").await;
    until_phase(&mut operator, "accepting").await;
    until_last(&asked, "DELETE").await;
    let again = json!({"sessionKey": KEY, "message": "FAST hello", "idempotencyKey": "l"});
    assert_eq!(page.ask("chat.send", &again).await["ok"], true);
}

#[tokio::test]
async fn a_gateway_without_the_preview_is_asked_in_the_other_way() {
    let (folder, workshop) = (tempfile::tempdir().unwrap(), Workshop::with(GOOD));
    let socket = folder.path().join("api.sock");
    let asked = provider(&socket);
    let machine = format!(
        "FAKE_GATEWAY_WITHOUT = \"gateway.restart.preflight\"\n[machine]\napi_socket = \"{}\"\n",
        socket.display()
    );
    let agent = workshop.agent("", &machine).await;
    agent.wait_for_health(is_ok).await;
    let mut page = Page::connected(agent.address).await;
    begin_to_answer(&mut page).await;
    agent.wait_for_health(|health| held(health) == Some("working")).await;
    abort(&mut page).await;
    agent.wait_for_health(|health| held(health).is_none()).await;
    until_last(&asked, "DELETE").await;
}

/// Once the gateway is not closed for a moment, because the agent asks whether it may rest.
async fn ask_when_open(operator: &mut Page, method: &str, params: &Value) -> Value {
    let answered = async {
        loop {
            let answer = operator.ask(method, params).await;
            if answer["ok"] == true {
                return answer;
            }
            assert_eq!(answer["error"]["details"]["reason"], "gateway-suspending", "{answer}");
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    };
    soon(method, answered).await
}

#[tokio::test]
async fn health_says_when_the_assistant_next_has_something_to_do() {
    let (folder, workshop) = (tempfile::tempdir().unwrap(), Workshop::with(GOOD));
    let socket = folder.path().join("api.sock");
    let _asked = provider(&socket);
    let agent = agent(&workshop, &socket).await;
    assert_eq!(agent.health().await["awake"]["next_due"], Value::Null);
    let mut operator = operator(&workshop).await;
    let job = ask_when_open(&mut operator, "cron.add", &reminder()).await["payload"].clone();
    let due = job["nextRunAtMs"].as_u64().unwrap() / 1_000;
    // Asking is what makes it look: a machine that was just woken has to know.
    let health = agent.wait_for_health(|health| health["awake"]["next_due"] == due).await;
    assert_eq!(health["status"], "ok");
    agent.wait_for_health(|health| held(health).is_none()).await;
    ask_when_open(&mut operator, "cron.remove", &json!({"id": job["id"]})).await;
    agent.wait_for_health(|health| health["awake"]["next_due"].is_null()).await;
}

#[tokio::test]
async fn before_an_update_the_gateway_itself_says_whether_something_runs() {
    let (folder, workshop) = (tempfile::tempdir().unwrap(), Workshop::with(GOOD));
    let socket = folder.path().join("api.sock");
    let _asked = provider(&socket);
    let agent = agent(&workshop, &socket).await;
    assert_eq!(agent.ask("POST", "/pflaster/suspend", &[]).await.status, 401);
    let mut page = Page::connected(agent.address).await;
    begin_to_answer(&mut page).await;
    let (code, busy) = suspend(&agent).await;
    assert_eq!((code, &busy["status"]), (409, &json!("busy")));
    assert_eq!(busy["blockers"], json!(["1 active embedded run(s)"]));
    // It was only asked: whoever writes is answered.
    abort(&mut page).await;
    let ready = async {
        while suspend(&agent).await.0 != 200 {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    };
    soon("nothing to run", ready).await;
    let refused = page.ask("chat.send", &slow()).await;
    assert_eq!(refused["error"]["details"]["reason"], "gateway-suspending", "{refused}");
    // Asked once more it is as it was.
    assert_eq!(suspend(&agent).await.0, 200);
}

#[tokio::test]
async fn a_gateway_found_closed_although_nobody_wants_it_so_is_opened_and_keeps_its_plans() {
    let (folder, workshop) = (tempfile::tempdir().unwrap(), Workshop::with(GOOD));
    let socket = folder.path().join("api.sock");
    let _asked = provider(&socket);
    let agent = agent(&workshop, &socket).await;
    let mut operator = operator(&workshop).await;
    ask_when_open(&mut operator, "cron.add", &reminder()).await;
    agent.wait_for_health(|health| health["awake"]["next_due"].is_u64()).await;
    // As before a freeze that lasted longer than anybody wanted the gateway closed.
    let lease = json!({"requestId": "arca-agent", "terminalPolicy": "terminate"});
    let closed = ask_when_open(&mut operator, "gateway.suspend.prepare", &lease).await;
    assert_eq!(closed["payload"]["status"], "ready");
    // The gateway tells that it was closed, and nobody needs to ask.
    until_phase(&mut operator, "accepting").await;
    let mut page = Page::connected(agent.address).await;
    assert_eq!(page.ask("cron.list", &json!({})).await["ok"], true);
    assert!(agent.health().await["awake"]["next_due"].is_u64());
}
