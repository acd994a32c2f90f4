//! `hello-ok`: the answer to a `connect` that is let in.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Value, json};

use super::handshake::{Admission, PROTOCOL};
use super::hub::BUFFERED_MAX_BYTES;
use super::{BUILD_ID, Gateway, RELEASE, connection};
use crate::clock;
use crate::ids;

/// The recorded gateway's methods, events and capabilities. Scopes come from
/// the published schema; where they depend on the parameters, or are not
/// published, the method asks for the most.
static FEATURES: LazyLock<Features> = LazyLock::new(|| {
    serde_json::from_str(include_str!("features.json")).expect("features.json is ours")
});

static SCOPES: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
    FEATURES.methods.iter().map(|(method, scope)| (method.as_str(), scope.as_str())).collect()
});

#[derive(Deserialize)]
struct Features {
    /// Method and the scope it needs.
    methods: Vec<(String, String)>,
    events: Vec<String>,
    capabilities: Vec<String>,
}

/// As another version of OpenClaw would name itself, where a test says which.
fn release() -> String {
    std::env::var("FAKE_GATEWAY_RELEASE").unwrap_or_else(|_| RELEASE.to_owned())
}

/// The scope a method needs at most; `None` when no release had such a method.
pub fn scope_of(method: &str) -> Option<&'static str> {
    SCOPES.get(method).copied()
}

/// The payload of `hello-ok`. It is full of things a proxy must take out
/// before a browser sees it: see `auth`, `pluginSurfaceUrls`, `snapshot`.
pub fn payload(gateway: &Gateway, admission: &Admission, connection_id: &str, host: &str) -> Value {
    let methods: Vec<&str> = FEATURES.methods.iter().map(|(name, _)| name.as_str()).collect();
    json!({
        "type": "hello-ok",
        "protocol": PROTOCOL,
        "server": {
            "version": release(),
            "buildId": BUILD_ID,
            "bootId": gateway.boot_id,
            "controlUiBuildSource": "bundled",
            "connId": connection_id,
        },
        "features": {
            "methods": methods,
            "events": FEATURES.events,
            "capabilities": FEATURES.capabilities,
        },
        "snapshot": snapshot(gateway),
        "controlUiWidgetKinds": [
            {"pluginId": "session", "kind": "session:report", "label": "Report"},
        ],
        "controlUiLinkReaders": [],
        "pluginSurfaceUrls": {
            "canvas": format!("http://{host}/__openclaw__/cap/{}", ids::secret::<18>()),
        },
        "auth": auth(gateway, admission),
        "policy": {
            "maxPayload": connection::PAYLOAD_MAX_BYTES,
            "maxBufferedBytes": BUFFERED_MAX_BYTES,
            "tickIntervalMs": super::TICK.as_millis(),
            "attachments": {"maxBytes": 19_464_192, "maxImageBytes": 6_291_456},
            "allowedSessionVisibilities": ["shared", "read-only", "suggest", "draft"],
            "hasMultipleSessionSharingIdentities": false,
        },
    })
}

fn auth(gateway: &Gateway, admission: &Admission) -> Value {
    let mut auth = json!({
        "method": "token",
        "role": admission.role,
        "scopes": admission.scopes,
        "recoveryScope": gateway.recovery_scope,
    });
    if let Some(device_id) = &admission.device_id {
        let pairing = gateway.pairings.pair(device_id);
        auth["recoveryMigrationAllowed"] = true.into();
        auth["deviceToken"] = pairing.token.into();
        auth["issuedAtMs"] = pairing.issued_at.into();
    }
    auth
}

fn snapshot(gateway: &Gateway) -> Value {
    let now = clock::unix_millis();
    json!({
        "suspension": {"phase": "accepting"},
        "presence": [{
            "host": "vm",
            "ip": "192.0.2.2",
            "version": RELEASE,
            "platform": "linux",
            "deviceFamily": "Linux",
            "mode": "gateway",
            "reason": "self",
            "instanceId": gateway.boot_id,
            "text": format!("Gateway: vm (192.0.2.2) · app {RELEASE} · mode gateway · reason self"),
            "ts": now,
        }],
        "health": gateway.health(),
        "stateVersion": {"presence": 1, "health": 1},
        "uptimeMs": gateway.uptime_ms(),
        "appliedConfigHash": format!("hmac-sha256:v1:{}", gateway.recovery_scope),
        "sessionDefaults": {
            "defaultAgentId": "main",
            "modelConfigured": true,
            "ownership": "sole",
            "selectionRequired": false,
            "mainKey": "main",
            "mainSessionKey": "agent:main:main",
            "scope": "per-sender",
        },
        "updateSchedule": {"channel": "stable", "autoEnabled": false},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_need_the_scopes_the_real_gateway_asks_for() {
        assert_eq!(scope_of("chat.send"), Some("operator.write"));
        assert_eq!(scope_of("sessions.list"), Some("operator.read"));
        assert_eq!(scope_of("config.set"), Some("operator.admin"));
        assert_eq!(scope_of("sessions.delete"), Some("operator.admin"));
        assert_eq!(scope_of("nope.nope"), None);
    }
}
