//! Replays what a client sent to the real gateway, and compares the fake's
//! answers with the recorded ones: same order, same keys, same types, and
//! for refusals the same words.
//!
//! A recording is a list of `["->", frame]` from the client, `["<-", frame]`
//! from the gateway and `["close", {code, reason}]`. They are trimmed: long
//! lists to one item, and what the fake leaves out on purpose.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::client::{Client, Running, TOKEN};
use serde_json::Value;

/// Keys that come and go with the circumstances of the recording.
const CIRCUMSTANTIAL: &[&str] = &[
    // Whoever else had been connected to the recorded gateway.
    "presence",
    // Present while a machine is busy.
    "cpuCoreRatio",
    "cpuBreakdown",
];

#[tokio::test]
async fn a_conversation_looks_as_recorded() {
    replay(include_str!("../../../fixtures/chat-ok.jsonl")).await;
}

#[tokio::test]
async fn an_aborted_turn_looks_as_recorded() {
    replay(include_str!("../../../fixtures/chat-abort.jsonl")).await;
}

#[tokio::test]
async fn a_tool_call_looks_as_recorded() {
    replay(include_str!("../../../fixtures/chat-tool.jsonl")).await;
}

#[tokio::test]
async fn a_missing_scope_is_refused_as_recorded() {
    replay(include_str!("../../../fixtures/missing-scope.jsonl")).await;
}

#[tokio::test]
async fn a_wrong_token_is_refused_as_recorded() {
    replay(include_str!("../../../fixtures/auth-bad-token.jsonl")).await;
}

#[tokio::test]
async fn a_missing_token_is_refused_as_recorded() {
    replay(include_str!("../../../fixtures/auth-missing.jsonl")).await;
}

#[tokio::test]
async fn bad_requests_are_refused_as_recorded() {
    replay(include_str!("../../../fixtures/refusals.jsonl")).await;
}

/// Plays a recording's client against a fresh gateway.
async fn replay(recording: &str) {
    let dir = tempfile::tempdir().unwrap();
    let gateway = Running::start(dir.path()).await;
    // Waits until the gateway is ready; the recordings begin after that.
    Client::connect(&gateway, &[]).await;
    let mut client = Client::dial(&gateway, &[]).await;
    let mut expected = Vec::new();
    for line in recording.lines() {
        let (direction, frame): (String, Value) = serde_json::from_str(line).unwrap();
        match direction.as_str() {
            "<-" => expected.push(frame),
            "->" => {
                receive(&mut client, &std::mem::take(&mut expected)).await;
                client.send_text(frame.to_string().replace("GATEWAY_TOKEN", TOKEN)).await;
            }
            _ => {
                receive(&mut client, &std::mem::take(&mut expected)).await;
                let (code, reason) = client.closed().await;
                assert_eq!((&frame["code"], &frame["reason"]), (&code.into(), &reason.into()));
            }
        }
    }
    receive(&mut client, &expected).await;
}

/// Reads until every kind of frame that was recorded has come.
async fn receive(client: &mut Client, recorded: &[Value]) {
    let mut wanted = BTreeMap::new();
    let mut order = Vec::new();
    for frame in recorded {
        if let Entry::Vacant(place) = wanted.entry(kind(frame)) {
            order.push(place.key().clone());
            place.insert(frame);
        }
    }
    let mut came = Vec::new();
    while came.len() < order.len() {
        let what = format!("{order:?} after {came:?}");
        let frame = client.until(&what, |frame| frame["event"] != "health").await;
        let kind = kind(&frame);
        if let Some(recorded) = wanted.get(&kind).filter(|_| !came.contains(&kind)) {
            compare(&kind, recorded, &frame);
            came.push(kind);
        }
    }
    // The agent's side of a step may come before or after the chat's.
    let told = |kinds: &[String]| -> Vec<String> {
        kinds.iter().filter(|kind| !kind.starts_with("agent")).cloned().collect()
    };
    assert_eq!(told(&came), told(&order), "the order of answers and chat events");
}

/// What a frame is, so that it can be found among others.
fn kind(frame: &Value) -> String {
    let payload = &frame["payload"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match frame["event"].as_str() {
        None => format!("answer {}", text(&frame["id"])),
        Some("chat") => format!("chat {} {}", text(&payload["state"]), text(&payload["phase"])),
        Some("agent") => {
            let phase = text(&payload["data"]["phase"]);
            format!("agent {} {phase}", text(&payload["stream"]))
        }
        Some(event) => event.to_owned(),
    }
}

fn compare(kind: &str, recorded: &Value, answered: &Value) {
    if recorded["ok"] == false {
        assert_eq!(recorded, answered, "{kind}: a refusal is a promise, word for word");
        return;
    }
    let mut differences = Vec::new();
    differ("", recorded, answered, &mut differences);
    assert!(differences.is_empty(), "{kind}: {differences:#?}\nanswered {answered:#}");
}

/// Collects where keys or types differ. `null` goes with everything, and an
/// empty list with every list.
fn differ(at: &str, recorded: &Value, answered: &Value, differences: &mut Vec<String>) {
    match (recorded, answered) {
        (Value::Object(recorded), Value::Object(answered)) => {
            for key in recorded.keys().filter(|key| !circumstantial(key)) {
                let at = format!("{at}/{key}");
                match answered.get(key) {
                    Some(value) => differ(&at, &recorded[key], value, differences),
                    None => differences.push(format!("{at} is missing")),
                }
            }
            let extra = answered.keys().filter(|key| !recorded.contains_key(*key));
            differences.extend(extra.map(|key| format!("{at}/{key} was not recorded")));
        }
        (Value::Array(recorded), Value::Array(answered)) => {
            for (index, (recorded, answered)) in recorded.iter().zip(answered).enumerate() {
                differ(&format!("{at}/{index}"), recorded, answered, differences);
            }
        }
        (Value::Null, _)
        | (_, Value::Null)
        | (Value::Bool(_), Value::Bool(_))
        | (Value::Number(_), Value::Number(_))
        | (Value::String(_), Value::String(_)) => {}
        _ => differences.push(format!("{at}: recorded {recorded}, answered {answered}")),
    }
}

fn circumstantial(key: &str) -> bool {
    CIRCUMSTANTIAL.contains(&key)
}
