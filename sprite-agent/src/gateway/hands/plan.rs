//! `arca.schedule.add`: what a customer plans, as a job of the gateway's.

use serde::Deserialize;
use serde_json::{Value, json};

/// What the assistant is told at its time: a page of text.
pub(super) const TEXT_MAX_BYTES: usize = 4 << 10;

/// Of its name, which is its first line.
const NAME_MAX_LETTERS: usize = 80;

/// The farthest that one is planned once: a year and a day.
pub(super) const AHEAD_MAX_MS: u64 = 366 * 86_400_000;

/// `America/Argentina/ComodRivadavia` has 32.
const ZONE_MAX_BYTES: usize = 64;

/// Lists of days and hours, written out.
const RULE_MAX_BYTES: usize = 256;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Plan {
    pub(super) session_key: String,
    text: String,
    at: Option<u64>,
    rule: Option<String>,
    zone: Option<String>,
}

/// A turn of the assistant's at a time, whose answer comes into the conversation.
///
/// # Errors
/// Names the parameter whose value is not taken.
pub(super) fn job(asked: Plan, now_ms: u64) -> Result<Value, &'static str> {
    let Plan { session_key, text, at, rule, zone } = asked;
    let is_text = |letter: char| letter == '\n' || !letter.is_control();
    let text = text.trim();
    if text.is_empty() || text.len() > TEXT_MAX_BYTES || !text.chars().all(is_text) {
        return Err("text");
    }
    let schedule = match (at, rule, zone) {
        (Some(at), None, None) => once(at, now_ms)?,
        (None, Some(rule), Some(zone)) => repeated(&rule, &zone)?,
        _ => return Err("at"),
    };
    let line = text.lines().next().unwrap_or_default();
    let name: String = line.chars().take(NAME_MAX_LETTERS).collect();
    Ok(json!({
        "name": name,
        "schedule": schedule,
        "sessionTarget": "current",
        "sessionKey": session_key,
        "wakeMode": "now",
        "deleteAfterRun": at.is_some(),
        "payload": {"kind": "agentTurn", "message": text},
        "delivery": {"mode": "announce"},
    }))
}

fn once(at: u64, now_ms: u64) -> Result<Value, &'static str> {
    if at <= now_ms || at > now_ms + AHEAD_MAX_MS {
        return Err("at");
    }
    Ok(json!({"kind": "at", "at": at.to_string()}))
}

/// Its minute is one number, so that it happens once an hour at most. The fields themselves and
/// the zone are the gateway's to check; without a stagger it is on time.
fn repeated(rule: &str, zone: &str) -> Result<Value, &'static str> {
    let fields: Vec<_> = rule.split(' ').collect();
    let is_plain = |byte: u8| byte.is_ascii_digit() || b"*,-".contains(&byte);
    let fits = fields.len() == 5
        && rule.len() <= RULE_MAX_BYTES
        && fields[0].parse::<u8>().is_ok_and(|minute| minute < 60)
        && fields.iter().all(|field| !field.is_empty() && field.bytes().all(is_plain));
    if !fits {
        return Err("rule");
    }
    let is_zone = |byte: u8| byte.is_ascii_alphanumeric() || b"/_+-".contains(&byte);
    if !(1..=ZONE_MAX_BYTES).contains(&zone.len()) || !zone.bytes().all(is_zone) {
        return Err("zone");
    }
    Ok(json!({"kind": "cron", "expr": rule, "tz": zone, "staggerMs": 0}))
}
