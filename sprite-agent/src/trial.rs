//! `sprite-agent --try`: one conversation with the gateway that runs, and a look at what the
//! agent needs of it. A version of OpenClaw is tried with it before any customer gets it.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::config::{Config, GatewayConfig};
use crate::gateway::hands::HANDS;
use crate::gateway::methods::{
    Carrier, METHODS, OWN_SCOPES, OWN_SCOPES_HEADER, SCOPES, SCOPES_HEADER,
};
use crate::supervisor::health_connection::{HealthConnection, Scopes};

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
    let connection = open(gateway, (SCOPES, SCOPES_HEADER)).await?;
    let missing = missing(&connection.methods);
    if !missing.is_empty() {
        return Err(format!("the gateway lacks {}", missing.join(", ")));
    }
    ask(&connection, "skills.status", json!({})).await?;
    ask(&connection, "agents.files.list", json!({"agentId": "main"})).await?;
    let (answer, tools) = converse(&connection).await?;
    reach(&connection, Carrier::Page).await?;
    // A command is carried by it, too.
    reach(&connection, Carrier::Owner).await?;
    reach(&connection, Carrier::Stop).await?;
    let own = open(gateway, (OWN_SCOPES, OWN_SCOPES_HEADER)).await?;
    reach(&own, Carrier::Own).await?;
    let version = connection.version.as_deref().unwrap_or("unknown");
    Ok(format!(
        "OpenClaw {version}, {} methods; answered {} characters with {tools} tools",
        connection.methods.len(),
        answer.len()
    ))
}

async fn open(gateway: &GatewayConfig, scopes: Scopes) -> Result<HealthConnection, String> {
    let connection = HealthConnection::open_with(gateway.address, &gateway.token, scopes).await;
    connection
        .map_err(|error| format!("the gateway does not greet who asks for {}: {error:?}", scopes.1))
}

/// Whether our rights are enough for every method of a connection: each is called as the page
/// may, about the trial's own conversation. What the gateway then says of that is its own affair.
async fn reach(connection: &HealthConnection, carrier: Carrier) -> Result<(), String> {
    for method in METHODS.iter().filter(|method| method.carrier == carrier) {
        let answer = connection.ask(method.name, method.least_params(CONVERSATION)).await;
        let answer = answer.ok_or_else(|| format!("{} is not answered", method.name))?;
        if is_beyond_rights(&answer) {
            return Err(format!("{} needs other rights: {}", method.name, answer["error"]));
        }
    }
    Ok(())
}

fn is_beyond_rights(answer: &Value) -> bool {
    let error = &answer["error"];
    error["code"] == "FORBIDDEN" || error["details"]["code"] == "MISSING_SCOPE"
}

/// What the agent itself calls: whether its assistant may plan, whether the machine may sleep and
/// until when.
const OF_THE_AGENT: [&str; 4] =
    ["config.get", "cron.list", "gateway.suspend.prepare", "gateway.suspend.resume"];

/// What the page may call, and what the agent calls for it or by itself.
fn missing(methods: &[String]) -> Vec<&'static str> {
    let needed = METHODS.iter().map(|method| method.name);
    let needed = needed.chain(HANDS.iter().map(|hand| hand.gateway)).chain(OF_THE_AGENT);
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

/// The answer, and how many tools were used for it.
async fn converse(connection: &HealthConnection) -> Result<(String, usize), String> {
    let key = format!("trial-{}", std::process::id());
    let question = "Use your session_status tool, then say in one sentence that you are ready.";
    let question = json!({"sessionKey": CONVERSATION, "message": question, "idempotencyKey": key});
    ask(connection, "chat.send", question).await?;
    let deadline = Instant::now() + ANSWER_MAX;
    loop {
        let history = ask(connection, "chat.history", json!({"sessionKey": CONVERSATION})).await?;
        match answer(&history) {
            Some((_, 0)) => return Err("it answers, and uses no tool".to_owned()),
            Some(answer) => return Ok(answer),
            None if Instant::now() >= deadline => {
                return Err(format!("no answer within {ANSWER_MAX:?}"));
            }
            None => sleep(LOOK).await,
        }
    }
}

/// What the assistant said last, once nothing runs, and how many tools have worked for it since
/// it was asked.
fn answer(history: &Value) -> Option<(String, usize)> {
    if history["sessionInfo"]["hasActiveRun"] == true || history["inFlightRun"].is_object() {
        return None;
    }
    let messages = history["messages"].as_array()?;
    let asked = messages.iter().rposition(|message| message["role"] == "user")?;
    let since = &messages[asked..];
    let last = since.iter().rfind(|message| message["role"] == "assistant")?;
    let text = match &last["content"] {
        Value::String(text) => text.clone(),
        content => content
            .as_array()?
            .iter()
            .filter_map(|part| part["text"].as_str())
            .collect::<Vec<_>>()
            .join(""),
    };
    let worked = |message: &&Value| message["role"] == "toolResult" && message["isError"] != true;
    let tools = since.iter().filter(worked).count() + left_out(since);
    (!text.trim().is_empty()).then_some((text, tools))
}

/// How many tools were used of which the history does not tell, as it does not of those that only
/// look at the session: call and result are left out, and the positions have a gap of two rows.
fn left_out(messages: &[Value]) -> usize {
    let position = |message: &Value| message["__openclaw"]["transcriptPosition"]["rawSeq"].as_u64();
    let (Some(first), Some(last)) =
        (messages.first().and_then(position), messages.last().and_then(position))
    else {
        return 0;
    };
    let rows = usize::try_from(last.saturating_sub(first) + 1).unwrap_or(0);
    rows.saturating_sub(messages.len()) / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_what_was_said_last_once_nothing_runs() {
        let history = |active: bool, failed: bool, text: &str| {
            json!({"sessionInfo": {"hasActiveRun": active}, "messages": [
                {"role": "toolResult", "toolCallId": "earlier", "content": []},
                {"role": "user", "content": "x"},
                {"role": "toolResult", "toolCallId": "t", "content": [], "isError": failed},
                {"role": "assistant", "content": [{"type": "text", "text": text}]},
            ]})
        };
        let said = |tools| Some(("ready".to_owned(), tools));
        assert_eq!(answer(&history(false, false, "ready")), said(1));
        assert_eq!(answer(&history(false, true, "ready")), said(0));
        assert_eq!(answer(&history(true, false, "rea")), None);
        assert_eq!(answer(&history(false, false, "")), None);
        assert_eq!(answer(&json!({"messages": []})), None);
    }

    #[test]
    fn a_tool_that_the_history_leaves_out_shows_in_the_positions() {
        let row = |role: &str, position: u64| {
            let position = json!({"transcriptPosition": {"rawSeq": position}});
            json!({"role": role, "content": "ready", "__openclaw": position})
        };
        let history = |last: u64| json!({"messages": [row("user", 7), row("assistant", last)]});
        assert_eq!(answer(&history(8)), Some(("ready".to_owned(), 0)));
        assert_eq!(answer(&history(10)), Some(("ready".to_owned(), 1)));
    }

    #[test]
    fn an_answer_that_refuses_is_one_that_names_our_rights() {
        let refused = json!({"ok": false, "error": {"code": "FORBIDDEN",
            "details": {"code": "MISSING_SCOPE", "missingScope": "operator.admin"}}});
        assert!(is_beyond_rights(&refused));
        let unknown = json!({"ok": false, "error": {"code": "INVALID_REQUEST"}});
        assert!(!is_beyond_rights(&unknown) && !is_beyond_rights(&json!({"ok": true})));
    }

    #[test]
    fn a_gateway_without_a_method_of_ours_is_told_by_its_name() {
        let methods = METHODS.iter().map(|it| it.name).chain(HANDS.iter().map(|it| it.gateway));
        let methods = methods.chain(OF_THE_AGENT);
        let mut methods: Vec<_> = methods.map(str::to_owned).collect();
        assert!(missing(&methods).is_empty());
        methods.retain(|name| name != "chat.send");
        assert_eq!(missing(&methods), ["chat.send"]);
    }
}
