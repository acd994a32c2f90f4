//! What a client meets at the fake gateway's socket, beyond the recordings.

use std::time::Duration;

use super::client::{Client, Running, settings, within};
use serde_json::{Value, json};

const BOTH: &[&str] = &["operator.read", "operator.write"];

async fn history(client: &mut Client) -> Value {
    client.call("chat.history", json!({"sessionKey": "main"})).await["payload"].clone()
}

#[tokio::test]
async fn every_connection_sees_every_turn() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = Running::start(dir.path()).await;
    let mut speaker = Client::connect(&gateway, BOTH).await;
    let mut listener = Client::connect(&gateway, BOTH).await;
    speaker.say("FAST hello", "run-1").await;
    let heard = listener.chat("run-1", "final").await;
    let text = heard["payload"]["message"]["content"][0]["text"].as_str().unwrap();
    assert!(text.contains("hello"), "{text}");
}

#[tokio::test]
async fn deltas_add_up_to_the_message() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = Running::start(dir.path()).await;
    let mut client = Client::connect(&gateway, BOTH).await;
    client.say("FAST markdown", "run-1").await;
    let mut text = String::new();
    let ended = loop {
        let frame = client.until("chat", |frame| frame["event"] == "chat").await;
        let payload = &frame["payload"];
        if payload["state"] == "delta" {
            text.push_str(payload["deltaText"].as_str().unwrap());
            assert_eq!(payload["message"]["content"][0]["text"], text, "cumulative");
        } else if payload["state"] == "final" {
            break frame;
        }
    };
    assert_eq!(ended["payload"]["message"]["content"][0]["text"], text);
}

#[tokio::test]
async fn a_repeated_send_starts_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = Running::start(dir.path()).await;
    let mut client = Client::connect(&gateway, BOTH).await;
    assert_eq!(client.say("SLOW", "run-1").await["payload"]["status"], "started");
    assert_eq!(client.say("SLOW", "run-1").await["payload"]["status"], "in_flight");
    client.call("chat.abort", json!({"sessionKey": "main"})).await;
    assert_eq!(client.say("SLOW", "run-1").await["payload"]["status"], "timeout");
    client.say("FAST hello", "run-2").await;
    client.chat("run-2", "final").await;
    assert_eq!(client.say("FAST hello", "run-2").await["payload"]["status"], "ok");
    client.say("ERROR", "run-3").await;
    client.chat("run-3", "error").await;
    let failed = client.say("ERROR", "run-3").await;
    assert_eq!(failed["ok"], false);
    assert_eq!(failed["payload"]["status"], "error");
    // The aborted turn left an answer only if it had begun to speak.
    let total = history(&mut client).await["totalMessages"].clone();
    assert!(total == 5 || total == 6, "{total}");
}

#[tokio::test]
async fn history_tells_of_the_turn_that_runs() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = Running::start(dir.path()).await;
    let mut client = Client::connect(&gateway, BOTH).await;
    client.say("SLOW", "run-1").await;
    client.chat("run-1", "delta").await;
    let running = history(&mut client).await;
    assert_eq!(running["sessionInfo"]["hasActiveRun"], true);
    assert_eq!(running["inFlightRun"]["runId"], "run-1");
    assert!(running["inFlightRun"]["text"].as_str().unwrap().starts_with("tick0"));
    client.call("chat.abort", json!({"sessionKey": "main", "runId": "run-1"})).await;
    let stopped = history(&mut client).await;
    assert_eq!(stopped["sessionInfo"]["hasActiveRun"], false);
    assert_eq!(stopped["messages"][1]["openclawAbort"]["aborted"], true);
}

#[tokio::test]
async fn a_second_message_is_answered_by_the_same_turn() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = Running::start_with(settings(dir.path())).await;
    let mut client = Client::connect(&gateway, BOTH).await;
    client.say("first", "run-1").await;
    client.say("second", "run-2").await;
    let pending = history(&mut client).await;
    assert_eq!(pending["pendingInputs"]["items"][0]["runId"], "run-2");
    let taken_in = client.chat("run-2", "final").await;
    assert_eq!(taken_in["payload"].get("message"), None, "it comes without a message");
    client.chat("run-1", "final").await;
    let roles: Vec<Value> = history(&mut client).await["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| message["role"].clone())
        .collect();
    assert_eq!(roles, ["user", "assistant", "user", "assistant"]);
}

#[tokio::test]
async fn a_turn_goes_on_when_its_client_leaves() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = Running::start(dir.path()).await;
    let mut client = Client::connect(&gateway, BOTH).await;
    client.say("hello", "run-1").await;
    drop(client);
    let mut client = Client::connect(&gateway, BOTH).await;
    client.chat("run-1", "final").await;
}

#[tokio::test]
async fn conversations_survive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let mut gateway = Running::start(dir.path()).await;
    let mut client = Client::connect(&gateway, BOTH).await;
    client.say("FAST hello", "run-1").await;
    client.chat("run-1", "final").await;
    let before = history(&mut client).await;
    gateway.tell_to_stop();
    gateway.ended().await;
    let gateway = Running::start(dir.path()).await;
    let mut client = Client::connect(&gateway, BOTH).await;
    let after = history(&mut client).await;
    assert_eq!(after["messages"], before["messages"]);
    assert_eq!(after["sessionId"], before["sessionId"]);
}

#[tokio::test]
async fn a_stopping_gateway_finishes_its_turn_and_takes_nothing_new() {
    let dir = tempfile::tempdir().unwrap();
    let mut gateway = Running::start(dir.path()).await;
    let mut client = Client::connect(&gateway, BOTH).await;
    client.say("hello", "run-1").await;
    client.chat("run-1", "delta").await;
    gateway.tell_to_stop();
    let refused = loop {
        let answer = client.call("models.list", json!({})).await;
        if answer["ok"] == false {
            break answer;
        }
    };
    assert_eq!(refused["error"]["details"]["reason"], "gateway-restarting");
    client.chat("run-1", "final").await;
    let last = client.until("shutdown", |frame| frame["event"] == "shutdown").await;
    assert_eq!(last["payload"]["reason"], "gateway stopping");
    assert_eq!(client.closed().await, (1012, "service restart".to_owned()));
    gateway.ended().await;
}

#[tokio::test]
async fn a_starting_gateway_asks_to_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings(dir.path());
    settings.never_ready = true;
    let gateway = Running::start_with(settings).await;
    let mut client = Client::dial(&gateway, &[]).await;
    let refused = client.connect_with(super::client::TOKEN, BOTH).await;
    assert_eq!(refused["error"]["details"]["reason"], "startup-sidecars");
    assert_eq!(client.closed().await, (1013, "gateway starting".to_owned()));
}

#[tokio::test]
async fn the_first_frame_must_be_a_small_connect() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = Running::start(dir.path()).await;
    let check = async |first: String, expected: u16| {
        let mut client = Client::dial(&gateway, &[]).await;
        client.send_text(first).await;
        assert_eq!(client.closed().await.0, expected);
    };
    check("garbage".to_owned(), 1000).await;
    check(json!({"type": "event", "event": "x"}).to_string(), 1008).await;
    check(json!({"type": "req", "id": "1", "method": "health"}).to_string(), 1008).await;
    check("x".repeat(64 * 1024 + 1), 1009).await;
}

#[tokio::test]
async fn a_large_frame_is_taken_and_a_larger_one_closes() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = Running::start(dir.path()).await;
    let mut client = Client::connect(&gateway, BOTH).await;
    client.send_text("x".repeat(26_214_400)).await;
    assert_eq!(client.call("health", json!({})).await["ok"], true);
    client.send_text("x".repeat(26_214_401)).await;
    assert_eq!(client.closed().await.0, 1009);
}

#[tokio::test]
async fn a_page_or_a_proxy_gets_no_scopes_and_hears_which_one_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = Running::start(dir.path()).await;
    Client::connect(&gateway, &[]).await;
    let mut client = Client::dial(&gateway, &[("x-forwarded-for", "203.0.113.9")]).await;
    let hello = client.connect_with(super::client::TOKEN, BOTH).await;
    assert_eq!(hello["payload"]["auth"]["scopes"], json!([]));
    let refused = client.say("hello", "run-1").await;
    assert_eq!(refused["error"]["details"]["missingScope"], "operator.write");
}

#[tokio::test]
async fn ten_wrong_tokens_lock_an_origin_even_for_the_right_one() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = Running::start(dir.path()).await;
    Client::connect(&gateway, &[]).await;
    let origin = [("origin", "http://localhost:1")];
    let code = async |token: &str| {
        let mut client = Client::dial(&gateway, &origin).await;
        let answer = client.connect_with(token, BOTH).await;
        answer["error"]["details"]["code"].clone()
    };
    for _ in 0..10 {
        assert_eq!(code("wrong").await, "AUTH_TOKEN_MISMATCH");
    }
    assert_eq!(code(super::client::TOKEN).await, "AUTH_RATE_LIMITED");
    Client::connect(&gateway, BOTH).await;
}

#[tokio::test]
async fn conversations_are_listed_titled_and_deleted_by_an_administrator() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = Running::start(dir.path()).await;
    let mut client = Client::connect(&gateway, &["operator.admin"]).await;
    let key = "agent:main:0b9f";
    let params = json!({"sessionKey": key, "message": "FAST hello", "idempotencyKey": "run-1"});
    client.call("chat.send", params).await;
    client.chat("run-1", "final").await;
    let list = client.call("sessions.list", json!({"includeDerivedTitles": true})).await;
    assert_eq!(list["payload"]["sessions"][0]["key"], key);
    assert_eq!(list["payload"]["sessions"][0]["derivedTitle"], "FAST hello");
    let deleted = client.call("sessions.delete", json!({"key": key})).await;
    assert_eq!(deleted["payload"]["deleted"], true);
    let list = client.call("sessions.list", json!({})).await;
    assert_eq!(list["payload"]["count"], 0);
}

#[tokio::test]
async fn a_writer_names_archives_and_then_deletes_a_conversation() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = Running::start(dir.path()).await;
    let mut client = Client::connect(&gateway, BOTH).await;
    let key = "agent:main:0b9f";
    let params = json!({"sessionKey": key, "message": "FAST hello", "idempotencyKey": "run-1"});
    client.call("chat.send", params).await;
    client.chat("run-1", "final").await;
    let list = client.call("sessions.list", json!({})).await;
    let id = list["payload"]["sessions"][0]["sessionId"].clone();

    let named = client.call("sessions.patch", json!({"key": key, "label": "Taxes"})).await;
    assert_eq!(named["payload"]["entry"]["label"], "Taxes", "{named}");
    let right = client.call("sessions.patch", json!({"key": key, "permissionMode": "full"})).await;
    assert_eq!(right["error"]["details"]["code"], "MISSING_SCOPE", "{right}");
    let found = client.call("sessions.search", json!({"query": "HELLO"})).await;
    assert_eq!(found["payload"]["results"][0]["sessionKey"], key);

    let delete = json!({"key": key, "expectedSessionId": id, "archivedOnly": true,
                        "deleteTranscript": true});
    let hasty = client.call("sessions.delete", delete.clone()).await;
    assert_eq!(hasty["ok"], false, "{hasty}");
    let archive = json!({"key": key, "archived": true, "expectedSessionId": id});
    assert_eq!(client.call("sessions.patch", archive).await["ok"], true);
    let list = client.call("sessions.list", json!({})).await;
    assert_eq!(list["payload"]["count"], 0, "the archive is not listed");
    assert_eq!(client.call("sessions.delete", delete).await["payload"]["deleted"], true);
    let all = client.call("sessions.list", json!({"archived": "all"})).await;
    assert_eq!(all["payload"]["count"], 0);
}

#[tokio::test]
async fn big_and_hostile_replies_arrive_whole() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = Running::start(dir.path()).await;
    let mut client = Client::connect(&gateway, BOTH).await;
    let text = |frame: &Value| -> String {
        frame["payload"]["message"]["content"][0]["text"].as_str().unwrap().to_owned()
    };
    client.say("FAST BIG", "run-1").await;
    assert_eq!(text(&client.chat("run-1", "final").await).len(), 200 * 1024);
    client.say("FAST XSS", "run-2").await;
    assert!(text(&client.chat("run-2", "final").await).contains("<script>"));
}

#[tokio::test]
async fn a_slow_gateway_still_stops_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings(dir.path());
    settings.delta_delay = Duration::from_secs(3600);
    let gateway = Running::start_with(settings).await;
    let mut client = Client::connect(&gateway, BOTH).await;
    client.say("hello", "run-1").await;
    let aborted = client.call("chat.abort", json!({"sessionKey": "main"})).await;
    assert_eq!(aborted["payload"]["runIds"], json!(["run-1"]));
    let mut gateway = gateway;
    gateway.tell_to_stop();
    within("no turn to hold the gateway", gateway.ended()).await;
}
