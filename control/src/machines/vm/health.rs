//! What an agent's answer says about its workspace. Pure.

use reqwest::StatusCode;
use serde_json::Value;

use crate::base::clock::Moment;
use vendors::sprites::address::Probe;

#[derive(Debug, PartialEq, Eq)]
pub enum Health {
    /// Agent and gateway, by the word of the agent that we configured.
    Well,
    /// What was seen instead.
    NotYet(String),
    /// Somebody has to look: waiting does not help.
    GivenUp(String),
}

pub fn read_health(probe: &Probe) -> Health {
    let (status, body) = match probe {
        Probe::Answered { status, body } => (*status, body),
        Probe::Walled => return Health::NotYet("its URL is not public".to_owned()),
        Probe::Silent(lost) => return Health::NotYet(lost.to_string()),
    };
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    // Only who knows our token is told of the gateway: another agent, of another
    // assignment, says one word to everybody.
    let gateway = &body["gateway"];
    let why = why(gateway);
    match (body["status"].as_str(), gateway["state"].as_str()) {
        (Some("ok"), Some("ready")) if status == StatusCode::OK => Health::Well,
        (Some("failed"), Some(_)) => Health::GivenUp(why),
        (Some(word), Some(state)) => Health::NotYet(format!("{word}, gateway {state} {why}")),
        (Some(word), None) => Health::NotYet(format!("{word}, and it does not know our token")),
        (None, _) => Health::NotYet(format!("an answer with status {}", status.as_u16())),
    }
}

/// When the assistant next has something to do, by its agent's word. The outer `None`:
/// no agent that knows our token has answered, or its gateway is not up yet.
pub fn next_due(probe: &Probe) -> Option<Option<Moment>> {
    let Probe::Answered { body, .. } = probe else { return None };
    let body: Value = serde_json::from_slice(body).ok()?;
    let awake = body.get("awake").filter(|awake| awake["known"] == true)?;
    Some(awake["next_due"].as_u64().map(Moment::from_seconds))
}

/// For how many seconds the machine was awake since its agent runs, whatever for; `None` where no
/// agent that knows our token has answered, or it is of a release that does not count.
pub fn awake_seconds(probe: &Probe) -> Option<u64> {
    let Probe::Answered { body, .. } = probe else { return None };
    let body: Value = serde_json::from_slice(body).ok()?;
    let metrics = body["metrics"].as_object()?;
    let counted = metrics.iter().filter(|(name, _)| name.starts_with(AWAKE_SECONDS));
    let counted: Vec<_> = counted.filter_map(|(_, value)| value.as_f64()).collect();
    // The machine's word: below zero and beyond what can be counted, it saturates.
    (!counted.is_empty()).then(|| counted.iter().sum::<f64>() as u64)
}

/// The agent's counter, with what for as a label.
const AWAKE_SECONDS: &str = "arca_agent_awake_seconds_total{";

/// For the operator: the reason by its name, what was seen, what was mended.
fn why(gateway: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let reason = text(&gateway["reason"]);
    let mut why = text(&gateway["detail"]);
    if !reason.is_empty() {
        why = format!("({reason}) {why}");
    }
    if let Some(by) = gateway["mended"]["by"].as_str() {
        why = format!("{why}; mended before: {by}");
    }
    why
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use vendors::Lost;

    fn answered(status: u16, body: &Value) -> Health {
        let status = StatusCode::from_u16(status).unwrap();
        read_health(&Probe::Answered { status, body: body.to_string().into_bytes() })
    }

    fn not_yet(text: &str) -> Health {
        Health::NotYet(text.to_owned())
    }

    #[test]
    fn the_time_awake_is_summed_over_what_it_was_for() {
        let said = |body: Value| {
            let body = body.to_string().into_bytes();
            awake_seconds(&Probe::Answered { status: StatusCode::OK, body })
        };
        let metrics = json!({ "arca_agent_awake_seconds_total{reason=\"working\"}": 12.0,
            "arca_agent_awake_seconds_total{reason=\"page\"}": 30, "arca_agent_sockets": 7 });
        assert_eq!(said(json!({ "metrics": metrics })), Some(42));
        assert_eq!(said(json!({ "metrics": { "arca_agent_sockets": 7 } })), None);
        assert_eq!(said(json!({ "status": "ok" })), None);
        assert_eq!(awake_seconds(&Probe::Walled), None);
    }

    #[test]
    fn only_a_full_answer_that_all_is_well_counts() {
        let full = |status: &str, state: &str| json!({ "status": status, "gateway": { "state": state, "detail": "since 3 s" } });
        assert_eq!(answered(200, &full("ok", "ready")), Health::Well);
        assert_eq!(answered(503, &full("ok", "ready")), not_yet("ok, gateway ready since 3 s"));
        assert_eq!(
            answered(503, &full("starting", "starting")),
            not_yet("starting, gateway starting since 3 s")
        );
        assert_eq!(
            answered(503, &full("failed", "failed")),
            Health::GivenUp("since 3 s".to_owned())
        );
    }

    #[test]
    fn the_reason_is_named_for_the_operator() {
        let gateway = json!({ "state": "failed", "reason": "configuration_refused",
            "detail": "does not start", "mended": { "by": "doctor", "at": 1 } });
        let body = json!({ "status": "failed", "gateway": gateway });
        let why = "(configuration_refused) does not start; mended before: doctor";
        assert_eq!(answered(503, &body), Health::GivenUp(why.to_owned()));
    }

    #[test]
    fn an_answer_of_somebody_else_is_none() {
        let check = |status, body, expected| assert_eq!(answered(status, &body), not_yet(expected));
        check(200, json!({ "status": "ok" }), "ok, and it does not know our token");
        check(502, json!("Bad Gateway"), "an answer with status 502");
        assert_eq!(read_health(&Probe::Walled), not_yet("its URL is not public"));
        let silent = Probe::Silent(Lost::TimedOut(Duration::from_secs(5)));
        assert_eq!(read_health(&silent), not_yet("there was no whole answer within 5s"));
    }
}
