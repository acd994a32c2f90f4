//! What a running turn tells the world: `chat` and `agent` events.
//!
//! Every step is told twice, once for chat clients and once, with more
//! detail, for clients that show the agent at work. Both carry the run's own
//! number, which is not the connection's.

use serde_json::{Map, Value, json};

use super::hub::{Audience, Hub};
use super::sessions::{MODEL, PROVIDER};
use super::turns::{Live, Turn};
use crate::clock;

/// The tool of the script; the real gateway runs shell commands with it.
const TOOL: &str = "exec";

/// Id of the script's only tool call.
pub const TOOL_CALL_ID: &str = "call_fake1";

/// A turn, its number counter, and where its events go.
#[derive(Clone, Copy)]
pub struct Teller<'a> {
    pub turn: &'a Turn,
    pub hub: &'a Hub,
}

impl Teller<'_> {
    /// A step before the model is asked.
    pub fn phase(&self, live: &mut Live, phase: &str) {
        live.seq += 1;
        self.chat(live, "status", &json!({"phase": phase}));
        self.agent(live, "run_status", &json!({"phase": phase}), Audience::Everyone);
    }

    /// A step in the life of the run.
    pub fn lifecycle(&self, live: &mut Live, data: &Value) {
        live.seq += 1;
        self.agent(live, "lifecycle", data, Audience::Everyone);
    }

    pub fn model_chosen(&self, live: &mut Live) {
        let data = json!({"phase": "model", "provider": PROVIDER, "model": MODEL});
        self.lifecycle(live, &data);
    }

    /// More text. Carries the increment and the whole text so far.
    pub fn delta(&self, live: &mut Live, delta: &str) {
        live.seq += 1;
        live.text.push_str(delta);
        let data = json!({
            "text": live.text,
            "delta": delta,
            "itemId": format!("{}:1", self.turn.run_id),
        });
        self.agent(live, "assistant", &data, Audience::Everyone);
        let extra = json!({"deltaText": delta, "message": message(&live.text)});
        self.chat(live, "delta", &extra);
    }

    /// The turn is done and its text complete.
    pub fn finished(&self, live: &mut Live, used_tool: bool) {
        let ended_at = clock::unix_millis();
        let tools: &[&str] = if used_tool { &[TOOL] } else { &[] };
        self.usage(live);
        let mut finishing = json!({
            "phase": "finishing",
            "stopReason": "stop",
            "aborted": false,
            "livenessState": "working",
            "endedAt": ended_at,
        });
        if used_tool {
            finishing["replayInvalid"] = true.into();
        }
        self.lifecycle(live, &finishing);
        self.lifecycle(live, &json!({"phase": "model", "provider": null, "model": null}));
        self.lifecycle(
            live,
            &json!({
                "stopReason": "stop",
                "aborted": false,
                "livenessState": "working",
                "phase": "end",
                "endedAt": ended_at,
                "startedAt": self.turn.started_at,
                "replayInvalid": used_tool,
                "terminalReply": {"disposition": "visible", "text": live.text},
                "terminalReceipt": {
                    "runId": self.turn.run_id,
                    "sessionId": self.turn.session_id,
                    "turnId": self.turn.run_id,
                    "requested": {"provider": PROVIDER, "model": MODEL},
                    "effective": {"provider": PROVIDER, "model": MODEL, "responseModel": MODEL},
                    "successfulToolNames": tools,
                    "rerouted": false,
                    "terminalDisposition": "visible",
                },
                "executionSettled": true,
            }),
        );
        let extra = json!({"stopReason": "stop", "message": message(&live.text)});
        self.chat(live, "final", &extra);
    }

    /// Another message was taken into this turn: its own run ends without a
    /// message, and the answer comes as more text of this one.
    pub fn taken_in(&self, run_id: &str) {
        let payload = json!({
            "runId": run_id,
            "sessionKey": self.turn.session_key,
            "seq": 1,
            "state": "final",
        });
        self.hub.publish("chat", &payload, Audience::Everyone);
    }

    /// The turn was stopped; tells the text so far, if there is any.
    pub fn aborted(&self, live: &mut Live) {
        live.seq += 1;
        let mut extra = json!({"stopReason": "rpc"});
        if !live.text.is_empty() {
            extra["message"] = message(&live.text);
        }
        self.chat(live, "aborted", &extra);
        let data = json!({
            "phase": "end",
            "status": "cancelled",
            "aborted": true,
            "stopReason": "rpc",
            "startedAt": self.turn.started_at,
            "endedAt": clock::unix_millis(),
        });
        self.agent(live, "lifecycle", &data, Audience::Everyone);
    }

    /// The turn failed. The real gateway says so twice, the second time
    /// without an agent and from number 1: clients must bear it.
    pub fn failed(&self, live: &mut Live, runs: &[String], reason: &str) {
        let observation = json!({
            "provider": PROVIDER,
            "model": MODEL,
            "failoverReason": "format",
            "providerRuntimeFailureKind": "schema",
        });
        self.lifecycle(
            live,
            &json!({
                "aborted": false,
                "livenessState": "blocked",
                "errorObservation": observation,
                "phase": "error",
                "endedAt": clock::unix_millis(),
                "startedAt": self.turn.started_at,
                "error": reason,
                "executionSettled": true,
            }),
        );
        let extra = json!({"errorMessage": reason, "errorDetail": observation});
        self.chat(live, "error", &extra);
        for run_id in runs {
            let payload = json!({
                "runId": run_id,
                "sessionKey": self.turn.session_key,
                "seq": 1,
                "state": "error",
                "errorMessage": failure_summary(reason),
            });
            self.hub.publish("chat", &payload, Audience::Everyone);
        }
    }

    /// A command begins.
    pub fn tool_started(&self, live: &mut Live, command: &str) {
        self.usage(live);
        let mut item = item("start", "running");
        item["startedAt"] = clock::unix_millis().into();
        self.tool_event(live, "item", &item);
        self.tool_event(
            live,
            "tool",
            &json!({
                "phase": "start",
                "name": TOOL,
                "toolCallId": TOOL_CALL_ID,
                "args": {"command": command},
            }),
        );
    }

    /// The command printed `output` and ended well.
    pub fn tool_finished(&self, live: &mut Live, output: &str) {
        self.tool_event(
            live,
            "tool",
            &json!({
                "phase": "update",
                "name": TOOL,
                "toolCallId": TOOL_CALL_ID,
                "partialResult": {
                    "content": [{"type": "text", "text": format!("{output}\n")}],
                    "details": {
                        "status": "running",
                        "sessionId": "nova-basil",
                        "pid": 30_466,
                        "startedAt": clock::unix_millis(),
                        "cwd": "/workspace",
                        "tail": format!("{output}\n"),
                    },
                },
            }),
        );
        self.tool_event(live, "item", &item("update", "running"));
        self.tool_event(live, "command_output", &command_output("delta", "running", output));
        self.tool_event(
            live,
            "tool",
            &json!({
                "phase": "result",
                "name": TOOL,
                "toolCallId": TOOL_CALL_ID,
                "meta": "print text",
                "isError": false,
                "commandBearing": true,
                "result": {
                    "content": [{"type": "text", "text": output}],
                    "details": {
                        "status": "completed",
                        "exitCode": 0,
                        "exitSignal": null,
                        "exitReason": "exit",
                        "durationMs": 54,
                        "aggregated": output,
                        "noOutputTimedOut": false,
                        "cwd": "/workspace",
                    },
                },
            }),
        );
        let mut ended_item = item("end", "completed");
        ended_item["startedAt"] = clock::unix_millis().into();
        ended_item["endedAt"] = clock::unix_millis().into();
        self.tool_event(live, "item", &ended_item);
        let mut ended = command_output("end", "completed", output);
        ended["exitCode"] = 0.into();
        ended["durationMs"] = 54.into();
        ended["cwd"] = "/workspace".into();
        self.tool_event(live, "command_output", &ended);
    }

    fn usage(&self, live: &mut Live) {
        live.seq += 1;
        let words = live.text.split_whitespace().count().max(4);
        self.agent(live, "usage", &json!({"outputTokens": words}), Audience::Everyone);
    }

    fn tool_event(&self, live: &mut Live, stream: &str, data: &Value) {
        live.seq += 1;
        let owner = self.turn.owner;
        if let Some(owner) = owner {
            self.agent(live, stream, data, Audience::ToolEvents(owner));
        }
        if stream == "tool" {
            let audience = Audience::Subscribers { without: owner };
            self.told("session.tool", live, stream, data, audience);
        }
    }

    fn chat(&self, live: &Live, state: &str, extra: &Value) {
        let mut payload = self.base(live);
        payload.insert("state".into(), state.into());
        payload.extend(extra.as_object().cloned().unwrap_or_default());
        self.hub.publish("chat", &payload.into(), Audience::Everyone);
    }

    fn agent(&self, live: &Live, stream: &str, data: &Value, audience: Audience) {
        self.told("agent", live, stream, data, audience);
    }

    fn told(
        &self,
        event: &'static str,
        live: &Live,
        stream: &str,
        data: &Value,
        audience: Audience,
    ) {
        let mut payload = self.base(live);
        payload.insert("stream".into(), stream.into());
        payload.insert("data".into(), data.clone());
        payload.insert("ts".into(), clock::unix_millis().into());
        payload.insert("isHeartbeat".into(), false.into());
        if stream == "lifecycle" {
            payload.insert("sessionId".into(), self.turn.session_id.as_str().into());
        }
        self.hub.publish(event, &payload.into(), audience);
    }

    fn base(&self, live: &Live) -> Map<String, Value> {
        let mut payload = Map::new();
        payload.insert("runId".into(), self.turn.run_id.as_str().into());
        payload.insert("sessionKey".into(), self.turn.session_key.as_str().into());
        payload.insert("agentId".into(), "main".into());
        payload.insert("seq".into(), live.seq.into());
        payload
    }
}

/// What a repeated `chat.send` hears of a failed turn.
pub fn failure_summary(reason: &str) -> String {
    format!(
        "⚠️ Agent failed before reply: {reason}\n\
         To view logs, run `openclaw logs --follow` in a terminal."
    )
}

fn message(text: &str) -> Value {
    json!({
        "role": "assistant",
        "content": [{"type": "text", "text": text}],
        "timestamp": clock::unix_millis(),
    })
}

fn item(phase: &str, status: &str) -> Value {
    json!({
        "itemId": format!("tool:{TOOL_CALL_ID}"),
        "toolCallId": TOOL_CALL_ID,
        "name": TOOL,
        "kind": "tool",
        "phase": phase,
        "title": "Exec print text",
        "status": status,
        "meta": "print text",
        "commandBearing": true,
    })
}

fn command_output(phase: &str, status: &str, output: &str) -> Value {
    json!({
        "itemId": format!("command:{TOOL_CALL_ID}"),
        "phase": phase,
        "title": "command print text",
        "toolCallId": TOOL_CALL_ID,
        "name": TOOL,
        "output": output,
        "status": status,
    })
}
