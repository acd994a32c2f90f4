//! `sprite-agent --try`: one conversation with the gateway that runs, and a look at what the
//! agent needs of it. A version of OpenClaw is tried with it before any customer gets it.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::config::Config;
use crate::gateway::hands::HANDS;
use crate::gateway::methods::METHODS;
use crate::supervisor::health_connection::HealthConnection;

const CONVERSATION: &str = "agent:main:arca-trial";

/// A turn with a tool; the first after a start took 17 s on a machine with two cores.
const ANSWER_MAX: Duration = Duration::from_secs(180);

const LOOK: Duration = Duration::from_millis(500);

/// Says what was found, for the operator.
///
/// # Errors
/// The first thing that is not as it has to be.
pub async fn hold(config: &Config) -> Result<String, String> {
    let gateway = &config.gateway;
    let connection = HealthConnection::open(gateway.address, &gateway.token).await;
    let connection =
        connection.map_err(|error| format!("the gateway does not greet: {error:?}"))?;
    let missing = missing(&connection.methods);
    if !missing.is_empty() {
        return Err(format!("the gateway lacks {}", missing.join(", ")));
    }
    ask(&connection, "skills.status", json!({})).await?;
    ask(&connection, "agents.files.list", json!({"agentId": "main"})).await?;
    let answer = converse(&connection).await?;
    let version = connection.version.as_deref().unwrap_or("unknown");
    let methods = connection.methods.len();
    Ok(format!("OpenClaw {version}, {methods} methods, answered {} characters", answer.len()))
}

/// What the page may call, and what the agent calls for it.
fn missing(methods: &[String]) -> Vec<&'static str> {
    let needed = METHODS.iter().map(|method| method.name);
    let needed = needed.chain(HANDS.iter().map(|hand| hand.gateway));
    needed.filter(|name| !methods.iter().any(|known| known == name)).collect()
}

async fn ask(
    connection: &HealthConnection,
    method: &'static str,
    params: Value,
) -> Result<Value, String> {
    let answer = connection.ask(method, params).await;
    let answer = answer.ok_or_else(|| format!("{method} is not answered"))?;
    if answer["ok"] == true {
        Ok(answer["payload"].clone())
    } else {
        Err(format!("{method} is refused: {}", answer["error"]))
    }
}

async fn converse(connection: &HealthConnection) -> Result<String, String> {
    let key = format!("trial-{}", std::process::id());
    let question = "Use your session_status tool, then say in one sentence that you are ready.";
    let question = json!({"sessionKey": CONVERSATION, "message": question, "idempotencyKey": key});
    ask(connection, "chat.send", question).await?;
    let deadline = Instant::now() + ANSWER_MAX;
    loop {
        let history = ask(connection, "chat.history", json!({"sessionKey": CONVERSATION})).await?;
        if let Some(answer) = answer(&history) {
            return Ok(answer);
        }
        if Instant::now() >= deadline {
            return Err(format!("no answer within {ANSWER_MAX:?}"));
        }
        sleep(LOOK).await;
    }
}

/// What the assistant said last, once nothing runs.
fn answer(history: &Value) -> Option<String> {
    if history["sessionInfo"]["hasActiveRun"] == true || history["inFlightRun"].is_object() {
        return None;
    }
    let messages = history["messages"].as_array()?;
    let last = messages.iter().rfind(|message| message["role"] == "assistant")?;
    let text = match &last["content"] {
        Value::String(text) => text.clone(),
        content => content
            .as_array()?
            .iter()
            .filter_map(|part| part["text"].as_str())
            .collect::<Vec<_>>()
            .join(""),
    };
    (!text.trim().is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_what_was_said_last_once_nothing_runs() {
        let history = |active: bool, text: &str| {
            json!({"sessionInfo": {"hasActiveRun": active}, "messages": [
                {"role": "user", "content": "x"},
                {"role": "assistant", "content": [{"type": "text", "text": text}]},
            ]})
        };
        assert_eq!(answer(&history(false, "ready")), Some("ready".to_owned()));
        assert_eq!(answer(&history(true, "rea")), None);
        assert_eq!(answer(&history(false, "")), None);
        assert_eq!(answer(&json!({"messages": []})), None);
    }

    #[test]
    fn a_gateway_without_a_method_of_ours_is_told_by_its_name() {
        let methods = METHODS.iter().map(|it| it.name).chain(HANDS.iter().map(|it| it.gateway));
        let mut methods: Vec<_> = methods.map(str::to_owned).collect();
        assert!(missing(&methods).is_empty());
        methods.retain(|name| name != "chat.send");
        assert_eq!(missing(&methods), ["chat.send"]);
    }
}
