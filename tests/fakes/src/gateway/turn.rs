//! Runs a turn: plays the script's steps as events, one after the other,
//! until it is done, fails, or is stopped.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tracing::error;

use super::Gateway;
use super::prompts::{self, Kind};
use super::session_store::{Body, StoredFile};
use super::turn_events::Teller;
use super::turns::{Live, Next, Turn};
use crate::script::{self, Step};
use crate::{clock, ids};

/// How the answer to one message ended.
enum Played {
    Done,
    Failed(&'static str),
    /// Whoever stopped the turn has told everyone already.
    Stopped,
}

/// Runs `turn`, which begins with `message`, to its end.
pub async fn run(gateway: Arc<Gateway>, turn: Arc<Turn>, message: String) {
    let _running = gateway.turns.count_running();
    let player = Player { gateway: &gateway, turn: &turn };
    if let Err(error) = player.play_all(message).await {
        error!(run = %turn.run_id, %error, "turn {} could not be saved", turn.run_id);
    }
}

struct Player<'a> {
    gateway: &'a Gateway,
    turn: &'a Turn,
}

impl Player<'_> {
    async fn play_all(&self, mut message: String) -> io::Result<()> {
        let store = &self.gateway.store;
        let turns = &self.gateway.turns;
        self.announce();
        let mut used_tool = false;
        loop {
            match self.play(&message, &mut used_tool).await? {
                Played::Stopped => return Ok(()),
                Played::Failed(reason) => {
                    let runs = turns.failed(store, self.turn, reason)?;
                    if !runs.is_empty() {
                        self.teller().failed(&mut self.turn.live(), &runs, reason);
                    }
                    return Ok(());
                }
                Played::Done => {}
            }
            match turns.answered(store, self.turn)? {
                Next::Message(next) => {
                    self.teller().taken_in(&next.run_id);
                    self.publish(|teller, live| teller.model_chosen(live));
                    message = next.message;
                }
                Next::End => {
                    self.teller().finished(&mut self.turn.live(), used_tool);
                    return Ok(());
                }
                Next::Stopped => return Ok(()),
            }
        }
    }

    /// What a client sees before the first word.
    fn announce(&self) {
        let started_at = self.turn.started_at;
        self.publish(|teller, live| {
            teller.phase(live, "preparing_workspace");
            teller.phase(live, "preparing_context");
            teller.lifecycle(live, &json!({"phase": "start", "startedAt": started_at}));
            teller.phase(live, "starting_model");
            teller.model_chosen(live);
        });
    }

    async fn play(&self, message: &str, used_tool: &mut bool) -> io::Result<Played> {
        let mut begins_paragraph = !self.turn.live().text.is_empty();
        for step in script::answer(message) {
            let goes_on = match step {
                Step::Say { text, pause } => {
                    let pause = pause.max(self.gateway.settings.delta_delay);
                    let text = if begins_paragraph { format!("\n\n{text}") } else { text };
                    begins_paragraph = false;
                    self.pause(pause).await
                        && self.publish(|teller, live| teller.delta(live, &text))
                }
                Step::Tool { command, output } => {
                    *used_tool = true;
                    self.run_tool(command, output)?
                }
                Step::Ask { question, options } => {
                    let options: Vec<_> =
                        options.iter().map(|label| json!({"label": label})).collect();
                    let asked = json!([{"questionId": "answer", "header": "Question",
                        "question": question, "options": options, "isOther": true}]);
                    self.wait_for_person(Kind::Question, &asked).await
                }
                Step::Approve { command } => {
                    self.wait_for_person(Kind::Approval, &json!(command)).await
                }
                Step::File { name, mime, content } => {
                    self.turn.live().files.push(StoredFile {
                        name: name.to_owned(),
                        mime: mime.to_owned(),
                        content: content.to_owned(),
                        id: ids::uuid(),
                    });
                    true
                }
                Step::Fail { reason } => return Ok(Played::Failed(reason)),
            };
            if !goes_on {
                return Ok(Played::Stopped);
            }
        }
        Ok(Played::Done)
    }

    fn run_tool(&self, command: &str, output: &str) -> io::Result<bool> {
        let store = &self.gateway.store;
        let (key, run_id) = (&self.turn.session_key, &self.turn.run_id);
        store.append(key, run_id, Body::ToolCall { command: command.to_owned() })?;
        let goes_on = self.publish(|teller, live| {
            teller.tool_started(live, command);
            teller.tool_finished(live, output);
            teller.model_chosen(live);
        });
        store.append(key, run_id, Body::ToolResult { output: output.to_owned() })?;
        Ok(goes_on)
    }

    /// Waits for an answer and repeats it, unless the turn is stopped meanwhile.
    async fn wait_for_person(&self, kind: Kind, content: &Value) -> bool {
        let session = &self.turn.session_key;
        let (id, answered) = prompts::ask(self.gateway, kind, session, content);
        let answer = tokio::select! {
            answer = answered => answer.unwrap_or_default(),
            () = self.turn.stopped.notified() => {
                prompts::withdraw(self.gateway, &id);
                return false;
            }
        };
        self.publish(|teller, live| teller.delta(live, &format!("You said: {answer}. ")))
    }

    /// Waits, unless the turn is stopped meanwhile.
    async fn pause(&self, pause: Duration) -> bool {
        if pause.is_zero() {
            // Lets an abort in between two steps of a long reply.
            tokio::task::yield_now().await;
            return true;
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => true,
            () = self.turn.stopped.notified() => false,
        }
    }

    /// Publishes while holding the turn, so that nothing follows its end.
    /// Returns whether the turn still runs.
    fn publish(&self, tell: impl FnOnce(&Teller<'_>, &mut Live)) -> bool {
        let mut live = self.turn.live();
        if live.ended {
            return false;
        }
        tell(&self.teller(), &mut live);
        true
    }

    fn teller(&self) -> Teller<'_> {
        Teller { turn: self.turn, hub: &self.gateway.hub }
    }
}

/// Stops what runs in a conversation and tells everyone, before the caller
/// is answered. Returns the runs that ended.
///
/// # Errors
/// The text so far could not be saved.
pub fn abort(
    gateway: &Gateway,
    session_key: &str,
    run_id: Option<&str>,
) -> io::Result<Vec<String>> {
    let announce = |turn: &Turn, live: &mut Live| {
        let teller = Teller { turn, hub: &gateway.hub };
        teller.aborted(live);
    };
    gateway.turns.abort(&gateway.store, session_key, run_id, announce)
}

/// `inFlightRun` of a conversation's history.
pub fn in_flight(turn: &Turn) -> serde_json::Value {
    let live = turn.live();
    if let Some(waiting) = live.steered.back() {
        return json!({
            "runId": waiting.run_id,
            "text": "",
            "startedAt": waiting.accepted_at,
        });
    }
    json!({
        "runId": turn.run_id,
        "text": live.text,
        "startedAt": turn.started_at,
        "events": [{
            "runId": turn.run_id,
            "seq": live.seq,
            "stream": "assistant",
            "ts": clock::unix_millis(),
            "data": {},
            "sessionKey": turn.session_key,
            "agentId": "main",
        }],
    })
}
