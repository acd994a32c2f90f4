//! What the agent does for a page with more rights than the page has: one table,
//! refused by default.
//!
//! Each is a method of the agent's own, with a closed set of arguments, and
//! becomes one request on a connection with `operator.admin` that the page never
//! sees. On the wire, as any request on `/ws`; every name below is a text:
//!
//! | method | params | payload of the answer |
//! |---|---|---|
//! | `arca.conversation.rewind` | `{sessionKey, entryId}`: a message of the customer's, by `__openclaw.id` of `chat.history` | `{editorText}`; it and what follows are put aside |
//! | `arca.conversation.fork` | `{sessionKey, entryId}` | `{sessionKey, editorText}` of the new conversation |
//! | `arca.conversation.branch` | `{sessionKey, leafEntryId}` of `sessions.branches.list` | `{}` |
//! | `arca.skill.switch` | `{skill, on}`: one that the customer has, and a boolean | `{skillKey}` |
//! | `arca.skill.key` | `{skill, key, name?}`: empty takes it away; of a skill with several, `name` is the variable; stays in the VM | `{skillKey}` |
//! | `arca.skill.keys` | `{}` | `{skills: [names]}` of those that have a key, and no key |
//! | `arca.schedule.add` | `{sessionKey, text, at}` once, at this time in ms; or `{sessionKey, text, rule, zone}` by a rule of cron's five fields and an IANA time zone | `{id, name, enabled, nextRunAtMs}`; what comes of it stands in that conversation, which the gateway has to know |
//! | `arca.schedule.pause` | `{id, paused}`: of `cron.list`, and a boolean | `{id, name, enabled, nextRunAtMs}` |
//! | `arca.schedule.delete` | `{id}` | `{removed}` |
//! | `arca.telegram.connect` | `{token}`: of the customer's bot; stays in the VM | `{}` |
//! | `arca.telegram.disconnect` | `{}`: forgets the token | `{}` |
//! | `arca.telegram.waiting` | `{}` | `{requests: [{requestId, senderId, metadata}]}` of people who wrote to the bot and are not let in |
//! | `arca.telegram.allow` | `{requestId}`: lets one of them in | `{senderId}` |
//! | `arca.telegram.dismiss` | `{requestId}` | `{}` |
//! | `arca.file.set` | `{name, content, expectedHash?}`: one of [`FILES`], at most 64 KiB; the hash is of `agents.files.get` | `{file: {name, size, hash, updatedAtMs}}` |
//!
//! What changes the gateway's configuration is preceded by a question for the hash of the
//! present one ([`Hand::asks_before`]), so that nobody's change is overwritten unseen; a plan by
//! the question how many there are.
//!
//! Deleting, naming, pinning and grouping conversations need no more than the
//! page's own rights (`sessions.patch`, `sessions.delete`, `sessions.groups.*`),
//! and neither do the lists (`cron.list`, `agents.files.list`, …): see `methods`.
//!
//! Refusals: `FORBIDDEN` for a method or argument that is not in the table,
//! `UNAVAILABLE` with `retryAfterMs` beyond [`crate::agent::CHANGES_A_MINUTE`] of one workspace,
//! and the gateway's own errors by code and message.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::peek::SUSPENDING;

mod plan;
mod skill_key;
mod telegram;

pub use telegram::Hook;

/// What these are carried with.
pub const HAND_SCOPES: &[&str] = &["operator.admin"];

/// The same for the `x-openclaw-scopes` header.
pub const HAND_SCOPES_HEADER: &str = "operator.admin";

/// What the assistant reads of itself and its customer at the beginning of each conversation.
pub const FILES: &[&str] = &["AGENTS.md", "IDENTITY.md", "MEMORY.md", "SOUL.md", "USER.md"];

const FILE_MAX_BYTES: usize = 64 << 10;
const NAME_MAX_BYTES: usize = 256;

/// Each run of a plan is a turn of the model and minutes of a machine that is awake: more than
/// people have, and far less than what the page lists.
const PLANS_MAX: u64 = 100;

/// Conversations that a person has, as opposed to runs of the gateway's own.
const CONVERSATION: &str = "agent:main:";

/// What the arguments are checked against and completed with.
#[derive(Clone, Copy)]
pub struct Workspace<'a> {
    /// Those that the customer has.
    pub skills: &'a [String],
    pub telegram: Hook<'a>,
    pub now_ms: u64,
}

/// What becomes of a change once the gateway has told what is asked before it.
#[derive(Debug, PartialEq)]
pub enum Completed {
    Params(Value),
    /// There is no room for one more.
    Full,
    /// It did not tell.
    Unknown,
}

/// One method of ours.
#[derive(Debug)]
pub struct Hand {
    pub name: &'static str,
    /// What it becomes at the gateway.
    pub gateway: &'static str,
    arguments: fn(&RawValue, &Workspace<'_>) -> Result<Value, Refused>,
    /// What the page gets of the gateway's answer.
    answer: &'static [&'static str],
}

/// In alphabetical order.
pub const HANDS: &[Hand] = &[
    Hand {
        name: "arca.conversation.branch",
        gateway: "sessions.branches.switch",
        arguments: |params, _| {
            let Branch { session_key, leaf_entry_id } = read(params)?;
            conversation(&session_key)?;
            named("leafEntryId", &leaf_entry_id)?;
            Ok(json!({"sessionKey": session_key, "leafEntryId": leaf_entry_id}))
        },
        answer: &[],
    },
    Hand {
        name: "arca.conversation.fork",
        gateway: "sessions.fork",
        arguments: |params, _| entry(params),
        answer: &["sessionKey", "editorText"],
    },
    Hand {
        name: "arca.conversation.rewind",
        gateway: "sessions.rewind",
        arguments: |params, _| entry(params),
        answer: &["editorText"],
    },
    Hand {
        name: "arca.file.set",
        gateway: "agents.files.set",
        arguments: |params, _| file(read(params)?),
        answer: &["file"],
    },
    Hand {
        name: "arca.schedule.add",
        gateway: "cron.add",
        arguments: |params, workspace| {
            let asked: plan::Plan = read(params)?;
            conversation(&asked.session_key)?;
            plan::job(asked, workspace.now_ms).map_err(Refused::Value)
        },
        answer: &["id", "name", "enabled", "nextRunAtMs"],
    },
    Hand {
        name: "arca.schedule.delete",
        gateway: "cron.remove",
        arguments: |params, _| {
            let Job { id } = read(params)?;
            named("id", &id)?;
            Ok(json!({"id": id}))
        },
        answer: &["removed"],
    },
    Hand {
        name: "arca.schedule.pause",
        gateway: "cron.update",
        arguments: |params, _| {
            let Pause { id, paused } = read(params)?;
            named("id", &id)?;
            Ok(json!({"id": id, "patch": {"enabled": !paused}}))
        },
        answer: &["id", "name", "enabled", "nextRunAtMs"],
    },
    Hand {
        name: "arca.skill.key",
        gateway: "skills.update",
        arguments: |params, workspace| {
            let asked: skill_key::SkillKey = read(params)?;
            chosen(&asked.skill, workspace.skills)?;
            skill_key::update(asked).map_err(Refused::Value)
        },
        answer: &["skillKey"],
    },
    Hand {
        name: "arca.skill.keys",
        gateway: "config.get",
        arguments: |params, _| {
            let Nothing {} = read(params)?;
            Ok(json!({}))
        },
        answer: &[],
    },
    Hand {
        name: "arca.skill.switch",
        gateway: "skills.update",
        arguments: |params, workspace| {
            let Switch { skill, on } = read(params)?;
            chosen(&skill, workspace.skills)?;
            Ok(json!({"skillKey": skill, "enabled": on}))
        },
        answer: &["skillKey"],
    },
    Hand {
        name: "arca.telegram.allow",
        gateway: "channels.pairing.approve",
        arguments: |params, _| sender(params),
        answer: &["senderId"],
    },
    Hand {
        name: "arca.telegram.connect",
        gateway: "config.patch",
        arguments: |params, workspace| {
            let channel = telegram::channel(&read(params)?, workspace.telegram);
            channel.map(|channel| telegram_patch(&channel)).map_err(Refused::Value)
        },
        answer: &[],
    },
    Hand {
        name: "arca.telegram.disconnect",
        gateway: "config.patch",
        arguments: |params, _| {
            let Nothing {} = read(params)?;
            Ok(telegram_patch(&telegram::no_channel()))
        },
        answer: &[],
    },
    Hand {
        name: "arca.telegram.dismiss",
        gateway: "channels.pairing.dismiss",
        arguments: |params, _| sender(params),
        answer: &[],
    },
    Hand {
        name: "arca.telegram.waiting",
        gateway: "channels.pairing.list",
        arguments: |params, _| {
            let Nothing {} = read(params)?;
            Ok(json!({"channel": "telegram"}))
        },
        answer: &["requests"],
    },
];

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("the parameters are not those of this method")]
    Params,
    #[error("parameter {0:?} has a value that is not available here")]
    Value(&'static str),
}

impl Hand {
    pub fn find(name: &str) -> Option<&'static Self> {
        HANDS.binary_search_by_key(&name, |hand| hand.name).ok().map(|at| &HANDS[at])
    }

    /// The parameters for the gateway.
    ///
    /// # Errors
    /// Names what is not available.
    pub fn arguments(
        &self,
        params: Option<&RawValue>,
        workspace: &Workspace<'_>,
    ) -> Result<Value, Refused> {
        (self.arguments)(params.ok_or(Refused::Params)?, workspace)
    }

    /// What has to be known before: the hash of the configuration that is to be changed, or how
    /// many plans there are.
    pub fn asks_before(&self) -> Option<(&'static str, Value)> {
        match self.gateway {
            "config.patch" => Some(("config.get", json!({}))),
            "cron.add" => Some(("cron.list", json!({"includeDisabled": true, "limit": 1}))),
            _ => None,
        }
    }

    /// `params` with what came back for [`Self::asks_before`].
    pub fn complete(&self, mut params: Value, text: &str) -> Completed {
        let frame: Value = serde_json::from_str(text).unwrap_or_default();
        let payload = &frame["payload"];
        if self.gateway == "cron.add" {
            return match payload["total"].as_u64() {
                Some(plans) if plans < PLANS_MAX => Completed::Params(params),
                Some(_) => Completed::Full,
                None => Completed::Unknown,
            };
        }
        let Some(hash) = payload["hash"].as_str() else { return Completed::Unknown };
        params["baseHash"] = hash.into();
        Completed::Params(params)
    }

    /// The page's answer, out of the gateway's: what is not picked may hold paths or keys.
    pub fn answer(&self, id: &str, text: &str) -> String {
        let frame: Value = serde_json::from_str(text).unwrap_or_default();
        if frame["ok"] != true {
            let mut picked = pick(&frame["error"], &["code", "message", "retryAfterMs"]);
            if frame["error"]["details"]["reason"] == SUSPENDING {
                picked["details"] = json!({"reason": SUSPENDING});
            }
            return json!({"type": "res", "id": id, "ok": false, "error": picked}).to_string();
        }
        let mut payload = pick(&frame["payload"], self.answer);
        if self.gateway == "config.get" {
            payload["skills"] = skill_key::kept(&frame["payload"]["config"]).into();
        }
        if let Some(file) = payload.get_mut("file") {
            *file = pick(file, &["name", "size", "hash", "updatedAtMs"]);
        }
        for request in
            payload.get_mut("requests").and_then(Value::as_array_mut).into_iter().flatten()
        {
            *request = pick(request, &["requestId", "senderId", "metadata"]);
        }
        json!({"type": "res", "id": id, "ok": true, "payload": payload}).to_string()
    }
}

fn pick(object: &Value, keys: &[&str]) -> Value {
    let picked = keys.iter().filter_map(|key| Some(((*key).to_owned(), object.get(key)?.clone())));
    picked.collect::<Map<_, _>>().into()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Entry {
    session_key: String,
    entry_id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Branch {
    session_key: String,
    leaf_entry_id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Switch {
    skill: String,
    on: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Job {
    id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pause {
    id: String,
    paused: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Contents {
    name: String,
    content: String,
    expected_hash: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Sender {
    request_id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// A name that is given twice is refused here too, and a list, which is a struct to serde.
fn read<T: DeserializeOwned>(params: &RawValue) -> Result<T, Refused> {
    if !params.get().starts_with('{') {
        return Err(Refused::Params);
    }
    serde_json::from_str(params.get()).map_err(|_| Refused::Params)
}

fn entry(params: &RawValue) -> Result<Value, Refused> {
    let Entry { session_key, entry_id } = read(params)?;
    conversation(&session_key)?;
    named("entryId", &entry_id)?;
    Ok(json!({"sessionKey": session_key, "entryId": entry_id}))
}

fn file(contents: Contents) -> Result<Value, Refused> {
    let Contents { name, content, expected_hash } = contents;
    if !FILES.contains(&name.as_str()) {
        return Err(Refused::Value("name"));
    }
    if content.len() > FILE_MAX_BYTES || content.contains('\0') {
        return Err(Refused::Value("content"));
    }
    let mut params = json!({"agentId": "main", "name": name, "content": content});
    if let Some(hash) = expected_hash {
        if hash.len() != 64 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(Refused::Value("expectedHash"));
        }
        params["expectedHash"] = hash.into();
    }
    Ok(params)
}

fn sender(params: &RawValue) -> Result<Value, Refused> {
    let Sender { request_id } = read(params)?;
    named("requestId", &request_id)?;
    Ok(json!({"channel": "telegram", "accountId": "default", "requestId": request_id}))
}

fn telegram_patch(channel: &Value) -> Value {
    json!({"raw": json!({"channels": {"telegram": channel}}).to_string()})
}

fn conversation(key: &str) -> Result<(), Refused> {
    let name = key.strip_prefix(CONVERSATION).ok_or(Refused::Value("sessionKey"))?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte);
    let is_the_gateways = name.starts_with("cron:") || name.starts_with("subagent:");
    let fits = (1..=NAME_MAX_BYTES).contains(&name.len()) && name.bytes().all(is_plain);
    if fits && !is_the_gateways { Ok(()) } else { Err(Refused::Value("sessionKey")) }
}

fn named(parameter: &'static str, value: &str) -> Result<(), Refused> {
    let fits = (1..=NAME_MAX_BYTES).contains(&value.len()) && !value.contains(char::is_control);
    if fits { Ok(()) } else { Err(Refused::Value(parameter)) }
}

fn chosen(skill: &str, skills: &[String]) -> Result<(), Refused> {
    let has = skills.iter().any(|chosen| chosen == skill);
    if has { Ok(()) } else { Err(Refused::Value("skill")) }
}

#[cfg(test)]
mod tests;
