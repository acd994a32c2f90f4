//! The parameters of the methods the fake plays.
//!
//! The real schemas are closed: a property nobody knows is an error, and so
//! is one that is missing. Taken from `protocol.schema.json` of
//! `@openclaw/gateway-protocol`.

use serde_json::Value;

/// What a property must be.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Text,
    /// At least one character.
    Name,
    /// A [`Kind::Name`], or `null` to take it away.
    NameOrNull,
    Integer {
        min: i64,
        max: i64,
    },
    Boolean,
    Anything,
}

use Kind::{Anything, Boolean, Integer, Name, NameOrNull, Text};

/// The parameters of one method.
struct Schema {
    required: &'static [&'static str],
    properties: &'static [(&'static str, Kind)],
}

const POSITIVE: Kind = Integer { min: 1, max: i64::MAX };
const COUNT: Kind = Integer { min: 0, max: i64::MAX };

const CHAT_SEND: Schema = Schema {
    required: &["sessionKey", "message", "idempotencyKey"],
    properties: &[
        ("sessionKey", Name),
        ("agentId", Name),
        ("sessionId", Name),
        ("message", Text),
        ("idempotencyKey", Name),
        ("thinking", Text),
        ("fastMode", Anything),
        ("queueMode", Text),
        ("deliver", Boolean),
        ("attachments", Anything),
        ("timeoutMs", COUNT),
        ("suppressCommandInterpretation", Boolean),
    ],
};

const CHAT_ABORT: Schema = Schema {
    required: &["sessionKey"],
    properties: &[
        ("sessionKey", Name),
        ("agentId", Name),
        ("runId", Name),
        ("preserveSideRuns", Boolean),
    ],
};

const CHAT_HISTORY: Schema = Schema {
    required: &["sessionKey"],
    properties: &[
        ("sessionKey", Name),
        ("agentId", Name),
        ("cursor", Text),
        ("limit", Integer { min: 1, max: 1000 }),
        ("offset", COUNT),
        ("pendingBefore", POSITIVE),
        ("inputRunIds", Anything),
        ("messageId", Name),
        ("sessionId", Name),
        ("maxChars", Integer { min: 1, max: 500_000 }),
    ],
};

const SESSIONS_LIST: Schema = Schema {
    required: &[],
    properties: &[
        ("limit", POSITIVE),
        ("offset", COUNT),
        ("activeMinutes", POSITIVE),
        ("requireLastInteraction", Boolean),
        ("sortBy", Text),
        ("includeGlobal", Boolean),
        ("includeUnknown", Boolean),
        ("configuredAgentsOnly", Boolean),
        ("includeDerivedTitles", Boolean),
        ("includeLastMessage", Boolean),
        ("label", Name),
        ("boardFace", Text),
        ("creatorId", Name),
        ("ownerId", Name),
        ("ownerFirst", Boolean),
        ("involvingMe", Boolean),
        ("involvingProfileId", Name),
        ("includePeople", Boolean),
        ("spawnedBy", Name),
        ("agentId", Name),
        ("search", Text),
        ("archived", Anything),
    ],
};

const SESSIONS_DELETE: Schema = Schema {
    required: &["key"],
    properties: &[
        ("key", Name),
        ("agentId", Name),
        ("deleteTranscript", Boolean),
        ("expectedSessionId", Name),
        ("expectedLifecycleRevision", Name),
        ("expectedSessionUpdatedAt", COUNT),
        ("emitLifecycleHooks", Boolean),
        ("archivedOnly", Boolean),
    ],
};

const SESSIONS_PATCH: Schema = Schema {
    required: &["key"],
    properties: &[
        ("key", Name),
        ("agentId", Name),
        ("expectedSessionId", Name),
        ("expectedLifecycleRevision", Name),
        ("label", NameOrNull),
        ("icon", Anything),
        ("color", Anything),
        ("category", NameOrNull),
        ("boardFace", Text),
        ("archived", Boolean),
        ("pinned", Boolean),
        ("unread", Boolean),
        ("model", NameOrNull),
        ("thinkingLevel", NameOrNull),
        ("fastMode", Anything),
        ("permissionMode", Anything),
        ("toolOverrides", Anything),
        ("sandboxMode", Anything),
    ],
};

const SESSIONS_SEARCH: Schema = Schema {
    required: &["query"],
    properties: &[
        ("agentId", Name),
        ("sessionKeys", Anything),
        ("query", Name),
        ("limit", Integer { min: 1, max: 25 }),
    ],
};

const ARTIFACTS_LIST: Schema = Schema {
    required: &[],
    properties: &[("sessionKey", Name), ("runId", Name), ("taskId", Name), ("agentId", Name)],
};

const ARTIFACTS_DOWNLOAD: Schema = Schema {
    required: &["artifactId"],
    properties: &[
        ("sessionKey", Name),
        ("runId", Name),
        ("taskId", Name),
        ("agentId", Name),
        ("artifactId", Name),
    ],
};

const SESSIONS_SUBSCRIBE: Schema = Schema { required: &[], properties: &[] };

const MODELS_LIST: Schema = Schema {
    required: &[],
    properties: &[
        ("agentId", Name),
        ("includeProviderCapabilities", Boolean),
        ("preparedOnly", Boolean),
        ("refresh", Boolean),
        ("view", Text),
    ],
};

const SKILLS_STATUS: Schema =
    Schema { required: &[], properties: &[("agentId", Name), ("sessionKey", Name)] };

/// Checks the parameters of a method the fake plays. `health` takes anything.
///
/// # Errors
/// The message of the real gateway, which names the property.
pub fn check(method: &str, params: &Value) -> Result<(), String> {
    let schema = match method {
        "chat.send" => CHAT_SEND,
        "chat.abort" => CHAT_ABORT,
        "chat.history" => CHAT_HISTORY,
        "sessions.list" => SESSIONS_LIST,
        "sessions.delete" => SESSIONS_DELETE,
        "artifacts.list" => ARTIFACTS_LIST,
        "artifacts.download" => ARTIFACTS_DOWNLOAD,
        "sessions.patch" => SESSIONS_PATCH,
        "sessions.search" => SESSIONS_SEARCH,
        "sessions.subscribe" => SESSIONS_SUBSCRIBE,
        "models.list" => MODELS_LIST,
        "skills.status" => SKILLS_STATUS,
        _ => return Ok(()),
    };
    complaint(&schema, params)
        .map_or(Ok(()), |complaint| Err(format!("invalid {method} params: {complaint}")))
}

fn complaint(schema: &Schema, params: &Value) -> Option<String> {
    let Some(params) = params.as_object() else {
        return Some("must be object".to_owned());
    };
    if let Some(key) = schema.required.iter().find(|key| !params.contains_key(**key)) {
        return Some(format!("must have required property '{key}'"));
    }
    params.iter().find_map(|(key, value)| {
        match schema.properties.iter().find(|(name, _)| name == key) {
            None => Some(format!("at root: unexpected property '{key}'")),
            Some((_, kind)) => mismatch(*kind, value).map(|what| format!("at /{key}: {what}")),
        }
    })
}

fn mismatch(kind: Kind, value: &Value) -> Option<String> {
    let must = |holds: bool, what: &str| (!holds).then(|| format!("must be {what}"));
    match kind {
        Anything => None,
        Boolean => must(value.is_boolean(), "boolean"),
        Text => must(value.is_string(), "string"),
        NameOrNull if value.is_null() => None,
        Name | NameOrNull => match value.as_str() {
            None => Some("must be string".to_owned()),
            Some("") => Some("must not have fewer than 1 characters".to_owned()),
            Some(_) => None,
        },
        Integer { min, max } => match value.as_i64() {
            None => Some("must be integer".to_owned()),
            Some(number) if number < min => Some(format!("must be >= {min}")),
            Some(number) if number > max => Some(format!("must be <= {max}")),
            Some(_) => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn complaints_read_as_the_real_gateway_words_them() {
        let check = |method: &str, params: Value, expected: &str| {
            assert_eq!(super::check(method, &params), Err(expected.to_owned()));
        };
        check(
            "chat.send",
            json!({"sessionKey": "main", "message": "x"}),
            "invalid chat.send params: must have required property 'idempotencyKey'",
        );
        check(
            "chat.send",
            json!({"sessionKey": "main", "message": "x", "idempotencyKey": "a", "bogus": 1}),
            "invalid chat.send params: at root: unexpected property 'bogus'",
        );
        check(
            "chat.history",
            json!({"sessionKey": "main", "limit": -1}),
            "invalid chat.history params: at /limit: must be >= 1",
        );
        check(
            "sessions.delete",
            json!({}),
            "invalid sessions.delete params: must have required property 'key'",
        );
    }

    #[test]
    fn good_parameters_pass_and_health_takes_anything() {
        assert_eq!(check("sessions.list", &json!({"limit": 3})), Ok(()));
        assert_eq!(check("health", &json!({"bogus": 1})), Ok(()));
    }
}
