//! The methods that the page may call, with which parameters, and with which scopes.
//!
//! One table, refused by default: a method that is not in it never reaches the
//! gateway, nor does a parameter that a method which changes something does not
//! name. Nothing here can read or change configuration, approve devices or run a tool directly.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::hands::FILES;
use super::params::Kind::{self, Bool, List, Name, NameOrNull, Object, OneOf, Text, True};
use super::params::{ParamsRefused, check};

/// The first request on each connection; the agent fills it in.
pub const CONNECT: &str = "connect";

/// Asked for in `connect` and capped once more by the header on the upgrade.
pub const SCOPES: &[&str] = &["operator.read", "operator.write"];

/// The same for the `x-openclaw-scopes` header.
pub const SCOPES_HEADER: &str = "operator.read,operator.write";

/// The scopes of the agent's own connection. The gateway says only to a client with these that
/// a turn waits for a person, and takes the answer only from one.
pub const OWN_SCOPES: &[&str] = &["operator.read", "operator.approvals", "operator.questions"];

/// The same for the `x-openclaw-scopes` header.
pub const OWN_SCOPES_HEADER: &str = "operator.read,operator.approvals,operator.questions";

/// One method, the connection that carries it, and the parameters that it may be called with.
#[derive(Debug)]
pub struct Method {
    pub name: &'static str,
    pub carrier: Carrier,
    params: Params,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// The page's connection, with [`SCOPES`].
    Page,
    /// The agent's own, with [`OWN_SCOPES`].
    Own,
    /// The agent's own with every right. Who sends on it is the assistant's owner to the gateway,
    /// and only for its owner an assistant plans something. What else it could do is denied in the
    /// gateway's configuration: where it is not, [`Self::Page`] (`owner_rights`).
    Owner,
    /// The same, for what stops a run: whoever began it, or has every right, may.
    Stop,
}

#[derive(Debug)]
enum Params {
    /// It reads, and the gateway refuses what it does not know.
    Any,
    Only {
        known: &'static [(&'static str, Kind)],
        /// Without these the method would do more than the page needs.
        required: &'static [&'static str],
    },
}

/// Everything the page may call after `connect`, in alphabetical order.
pub const METHODS: &[Method] = &[
    // What the assistant knows of itself; `hands` changes it.
    changes(
        "agents.files.get",
        &[("agentId", OneOf(&["main"])), ("name", OneOf(FILES))],
        &["name"],
    ),
    changes("agents.files.list", &[("agentId", OneOf(&["main"]))], &[]),
    // The folder that it works in: texts and pictures; whatever else is there is saved by `/files/`.
    reads("agents.workspace.get"),
    reads("agents.workspace.list"),
    reads("artifacts.download"),
    reads("artifacts.list"),
    // Whether a channel runs, and what it says of itself; it may not be told to try anything.
    changes("channels.status", &[], &[]),
    stop(changes("chat.abort", &[("sessionKey", Name), ("runId", Name)], &[])),
    reads("chat.history"),
    reads("chat.message.get"),
    owner(changes(
        "chat.send",
        &[("sessionKey", Name), ("message", Text), ("idempotencyKey", Name), ("attachments", List)],
        &[],
    )),
    reads("commands.list"),
    reads("cron.list"),
    reads("cron.status"),
    own(reads("exec.approval.list")),
    // Never "allow-always": a page that is taken over for a minute must not change what is asked later.
    own(changes(
        "exec.approval.resolve",
        &[("id", Name), ("decision", OneOf(&["allow-once", "deny"]))],
        &["id", "decision"],
    )),
    reads("health"),
    reads("models.list"),
    own(reads("question.list")),
    own(changes(
        "question.resolve",
        &[("id", Name), ("answers", Object), ("cancel", True)],
        &["id"],
    )),
    reads("sessions.branches.list"),
    // Without `archivedOnly` it needs `operator.admin`, and deletes what nobody has put aside before.
    changes(
        "sessions.delete",
        &[
            ("key", Name),
            ("expectedSessionId", Name),
            ("deleteTranscript", Bool),
            ("archivedOnly", True),
        ],
        &["key", "expectedSessionId", "archivedOnly"],
    ),
    // The groups of conversations, and their order; which is in which stands in `category`.
    changes("sessions.groups.delete", &[("name", Name)], &["name"]),
    reads("sessions.groups.list"),
    changes("sessions.groups.put", &[("names", List)], &["names"]),
    changes("sessions.groups.rename", &[("name", Name), ("to", Name)], &["name", "to"]),
    reads("sessions.list"),
    // Other fields change how the assistant works (permissions, tools, thinking).
    changes(
        "sessions.patch",
        &[
            ("key", Name),
            ("expectedSessionId", Name),
            ("archived", Bool),
            ("category", NameOrNull),
            ("label", NameOrNull),
            ("model", NameOrNull),
            ("pinned", Bool),
            ("unread", Bool),
        ],
        &["key"],
    ),
    reads("sessions.search"),
    // Tells of changes that other tabs, channels or the assistant itself make.
    reads("sessions.subscribe"),
    reads("skills.status"),
];

const fn reads(name: &'static str) -> Method {
    Method { name, carrier: Carrier::Page, params: Params::Any }
}

const fn own(method: Method) -> Method {
    Method { carrier: Carrier::Own, ..method }
}

const fn owner(method: Method) -> Method {
    Method { carrier: Carrier::Owner, ..method }
}

const fn stop(method: Method) -> Method {
    Method { carrier: Carrier::Stop, ..method }
}

const fn changes(
    name: &'static str,
    known: &'static [(&'static str, Kind)],
    required: &'static [&'static str],
) -> Method {
    Method { name, carrier: Carrier::Page, params: Params::Only { known, required } }
}

/// Why the agent does not forward a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotAllowed {
    Method,
    Params(ParamsRefused),
}

impl Method {
    /// The least that it may be called with; every name in it is `name`.
    pub fn least_params(&self, name: &str) -> Value {
        let Params::Only { known, required } = self.params else { return json!({}) };
        let least = known.iter().filter(|(known, _)| required.contains(known));
        least.map(|(known, kind)| ((*known).to_owned(), kind.example(name))).collect()
    }
}

pub fn is_allowed(method: &str) -> bool {
    find(method).is_some()
}

/// Whether the page may call `method` with `params`, and what carries the request.
///
/// # Errors
/// Names the method or the parameter that the table does not have.
pub fn permit(method: &str, params: Option<&RawValue>) -> Result<Carrier, NotAllowed> {
    let method = find(method).ok_or(NotAllowed::Method)?;
    match method.params {
        Params::Any => {}
        Params::Only { known, required } => {
            check(params, known, required).map_err(NotAllowed::Params)?;
        }
    }
    let is_of_the_page = method.name == "chat.send" && is_command(params);
    Ok(if is_of_the_page { Carrier::Page } else { method.carrier })
}

/// Is it for the gateway itself, such as `/restart`, or is something in it, such as `/model` with
/// `--global`? Those are done with no more rights than the page has.
fn is_command(params: Option<&RawValue>) -> bool {
    #[derive(Deserialize)]
    struct Sent<'a> {
        #[serde(borrow)]
        message: Cow<'a, str>,
    }
    let sent = params.and_then(|params| serde_json::from_str::<Sent<'_>>(params.get()).ok());
    // Without a message the gateway refuses it.
    sent.is_none_or(|sent| {
        // What the gateway overlooks before one, such as blanks, is overlooked here too.
        let mut beginning = sent.message.chars().take_while(|letter| !letter.is_alphanumeric());
        beginning.any(|letter| matches!(letter, '/' | '!')) || has_directive(&sent.message)
    })
}

/// Is there a word with a slash before it and none behind it? The gateway takes some of them out
/// of the middle of a message (`parseInlineSessionDirectives` of 2026.9.6), also those that an
/// operator has named. A path has more slashes, a fraction something before it.
fn has_directive(message: &str) -> bool {
    let mut before = None;
    for (at, letter) in message.char_indices() {
        let begins = !before.is_some_and(|before: char| before.is_alphanumeric() || before == '/');
        before = Some(letter);
        if letter != '/' || !begins {
            continue;
        }
        let ends = |letter: char| letter.is_whitespace() || letter.is_control() || letter == ':';
        let word = message[at + 1..].split(ends).next().unwrap_or_default();
        if !word.is_empty() && !word.contains('/') {
            return true;
        }
    }
    false
}

fn find(name: &str) -> Option<&'static Method> {
    METHODS.binary_search_by_key(&name, |method| method.name).ok().map(|at| &METHODS[at])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(method: &str, params: &Value) -> Result<Carrier, NotAllowed> {
        let params = serde_json::value::to_raw_value(params).unwrap();
        permit(method, Some(&params))
    }

    #[test]
    fn only_listed_methods_are_allowed() {
        assert!(METHODS.is_sorted_by_key(|method| method.name));
        assert_eq!(SCOPES.join(","), SCOPES_HEADER);
        assert_eq!(OWN_SCOPES.join(","), OWN_SCOPES_HEADER);
        assert!(is_allowed("chat.send"));
        for method in ["", "connect", "chat", "chat.send ", "CHAT.SEND", "config.get", "logs.tail"]
        {
            assert!(!is_allowed(method), "{method}");
            assert_eq!(permit(method, None), Err(NotAllowed::Method), "{method}");
        }
    }

    #[test]
    fn required_parameters_are_named_in_the_table() {
        for method in METHODS {
            let Params::Only { known, required } = method.params else { continue };
            for name in required {
                assert!(known.iter().any(|(known, _)| known == name), "{method:?}");
            }
        }
    }

    #[test]
    fn the_least_of_each_method_is_let_in() {
        for method in METHODS {
            let params = method.least_params("agent:main:x");
            assert!(asked(method.name, &params).is_ok(), "{method:?}: {params}");
        }
    }

    #[test]
    fn a_conversation_can_be_organised_but_not_given_other_rights() {
        let patch = |field: &str, value: Value| {
            let mut params = json!({"key": "agent:main:x", "expectedSessionId": "s"});
            params[field] = value;
            asked("sessions.patch", &params)
        };
        for (field, value) in [
            ("archived", json!(true)),
            ("label", json!("Taxes")),
            ("label", Value::Null),
            ("model", json!("a/b")),
            ("pinned", json!(false)),
            ("unread", json!(false)),
            ("category", json!("Work")),
        ] {
            assert_eq!(patch(field, value), Ok(Carrier::Page), "{field}");
        }
        for field in ["permissionMode", "toolOverrides", "sandboxMode", "thinkingLevel", "agentId"]
        {
            let refused = Err(NotAllowed::Params(ParamsRefused::unknown(field)));
            assert_eq!(patch(field, json!("full")), refused, "{field}");
        }
    }

    #[test]
    fn only_what_was_archived_before_is_deleted() {
        let check = |params: Value, allowed: bool| {
            assert_eq!(asked("sessions.delete", &params).is_ok(), allowed, "{params}");
        };
        let whole = json!({"key": "k", "expectedSessionId": "s", "deleteTranscript": true,
                           "archivedOnly": true});
        check(whole.clone(), true);
        check(json!({"key": "k", "expectedSessionId": "s"}), false);
        check(json!({"key": "k", "archivedOnly": true}), false);
        for (field, value) in [("archivedOnly", json!(false)), ("emitLifecycleHooks", json!(true))]
        {
            let mut params = whole.clone();
            params[field] = value;
            check(params, false);
        }
    }

    #[test]
    fn a_message_is_its_owners_and_a_command_the_pages() {
        let carried = |message: &str| {
            asked("chat.send", &json!({"sessionKey": "agent:main:x", "message": message})).unwrap()
        };
        for message in [
            "remind me at 9/10",
            "\u{fc}ber / unter",
            "\u{bf}?",
            "",
            "read https://a.test/b and /home/me/list",
            "w/o",
        ] {
            assert_eq!(carried(message), Carrier::Owner, "{message}");
        }
        for message in [
            "/restart",
            " \n/restart",
            "!ls",
            "\u{1}/restart",
            "(/restart",
            "please /model a/b --global",
            "a /home/me and\n/exec",
            "x \u{1}/exec ask=off",
            "[Sat 10:00]/think: high",
            "so /v",
        ] {
            assert_eq!(carried(message), Carrier::Page, "{message}");
        }
        assert_eq!(asked("chat.send", &json!({})), Ok(Carrier::Page));
        let abort = json!({"sessionKey": "agent:main:x"});
        assert_eq!(asked("chat.abort", &abort), Ok(Carrier::Stop));
    }

    #[test]
    fn an_approval_holds_for_one_command() {
        let decide = |decision: &str| {
            asked("exec.approval.resolve", &json!({"id": "1", "decision": decision}))
        };
        assert_eq!(decide("allow-once"), Ok(Carrier::Own));
        assert_eq!(decide("deny"), Ok(Carrier::Own));
        assert!(decide("allow-always").is_err());
        let hosts = json!({"id": "1", "answers": {}, "secretStoreAllowedHosts": []});
        assert!(asked("question.resolve", &hosts).is_err());
    }
}
