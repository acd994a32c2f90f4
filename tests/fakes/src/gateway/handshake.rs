//! Decides what happens to a `connect` (token mode).
//!
//! `decide` is pure: the upgrade's headers, the gateway's settings and the
//! `connect` parameters in, a verdict out. The cases were tried on the real
//! gateway; the tests below are that table.

use axum::http::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::attribution::{Attribution, attribute};
use super::device::{Device, Signed};
use super::frames::CallError;

/// The only protocol this release speaks.
pub const PROTOCOL: u64 = 4;

/// `client.id` is a closed list.
const CLIENT_IDS: &[&str] = &[
    "webchat-ui",
    "openclaw-control-ui",
    "openclaw-browser-copilot",
    "openclaw-tui",
    "webchat",
    "cli",
    "gateway-client",
    "openclaw-macos",
    "openclaw-linux",
    "openclaw-ios",
    "openclaw-watchos",
    "openclaw-android",
    "node-host",
    "openclaw-worker",
    "test",
    "fingerprint",
    "openclaw-probe",
];

/// `client.mode` is another.
const CLIENT_MODES: &[&str] =
    &["webchat", "cli", "ui", "backend", "node", "worker", "probe", "test"];

/// What a client sends in `connect`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConnectParams {
    pub min_protocol: u64,
    pub max_protocol: u64,
    pub client: Client,
    #[serde(default)]
    pub caps: Vec<String>,
    pub role: Option<String>,
    /// Absent means none.
    #[serde(default)]
    pub scopes: Vec<String>,
    #[serde(default)]
    pub auth: Auth,
    pub device: Option<Device>,
    // Known to the real schema, without effect here.
    pub commands: Option<Value>,
    pub permissions: Option<Value>,
    pub path_env: Option<Value>,
    pub locale: Option<Value>,
    pub user_agent: Option<Value>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Client {
    pub id: String,
    pub version: String,
    pub platform: String,
    pub mode: String,
    pub build_id: Option<String>,
    pub device_family: Option<String>,
    pub display_name: Option<Value>,
    pub model_identifier: Option<Value>,
    pub time_zone: Option<Value>,
    pub instance_id: Option<Value>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Auth {
    pub token: Option<String>,
    pub password: Option<String>,
    pub device_token: Option<String>,
    pub bootstrap_token: Option<String>,
}

/// Shows which secrets there are, never what they are.
impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Auth")
            .field("token", &self.token.is_some())
            .field("password", &self.password.is_some())
            .field("device_token", &self.device_token.is_some())
            .finish_non_exhaustive()
    }
}

/// What a gateway holds against a `connect`.
#[derive(Clone, Copy)]
pub struct Rules<'a> {
    pub token: &'a str,
    pub allowed_origins: &'a [String],
    pub trusted_proxies: &'a [String],
    /// What `openclaw-control-ui` must present.
    pub build_id: &'a str,
    /// The nonce of this connection's challenge.
    pub nonce: &'a str,
    /// Whether a device was approved before.
    pub is_paired: &'a dyn Fn(&str) -> bool,
    /// Whether a device token is the one given to this device.
    pub owns_device_token: &'a dyn Fn(&str, &str) -> bool,
}

/// The client is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    pub role: String,
    pub scopes: Vec<String>,
    pub caps: Vec<String>,
    pub client_id: String,
    pub client_mode: String,
    /// The device to pair, and to give a device token.
    pub device_id: Option<String>,
}

/// The client is out: one error frame, then a close.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    pub error: CallError,
    pub close_code: u16,
}

impl Refusal {
    fn policy(error: CallError) -> Self {
        Self { error, close_code: 1008 }
    }

    fn invalid_params(what: &str) -> Self {
        let message = format!("invalid connect params: {what}");
        Self::policy(CallError::invalid_request(message))
    }
}

/// Judges the first frame of a connection.
///
/// # Errors
/// The error frame and the close code the real gateway answers with.
pub fn decide(
    headers: &HeaderMap,
    params: &Value,
    rules: &Rules<'_>,
) -> Result<Admission, Refusal> {
    let params = read(params)?;
    check_protocol(&params)?;
    let origin = headers.get("origin").and_then(|value| value.to_str().ok());
    let is_ui = is_ui(&params.client);
    check_origin(origin, is_ui, rules)?;

    let direct = attribute(headers, rules.trusted_proxies) == Attribution::Direct;
    match &params.device {
        Some(device) => check_device(&params, device, direct, rules)?,
        None if params.client.id == "openclaw-control-ui" => {
            return Err(detailed(
                "control ui requires device identity (use HTTPS or localhost secure context)",
                json!({"code": "CONTROL_UI_DEVICE_IDENTITY_REQUIRED"}),
            ));
        }
        None => {}
    }
    check_secret(&params, rules)?;
    check_build(&params.client, rules)?;

    // A device-less client keeps its scopes only when it is plainly a
    // program on this machine. This is the trap behind a blind proxy:
    // connected, and nothing works.
    let keeps_scopes = params.device.is_some() || (direct && origin.is_none());
    let asked = if keeps_scopes { params.scopes } else { Vec::new() };
    Ok(Admission {
        role: params.role.unwrap_or_else(|| "operator".to_owned()),
        scopes: cap(asked, headers),
        caps: params.caps,
        client_id: params.client.id,
        client_mode: params.client.mode,
        device_id: params.device.map(|device| device.id),
    })
}

fn read(params: &Value) -> Result<ConnectParams, Refusal> {
    for key in ["minProtocol", "maxProtocol", "client"] {
        if params.get(key).is_none() {
            return Err(Refusal::invalid_params(&format!("must have required property '{key}'")));
        }
    }
    let read: ConnectParams = serde_json::from_value(params.clone())
        .map_err(|error| Refusal::invalid_params(&error.to_string()))?;
    let one_of = |at: &str, value: &str, known: &[&str]| {
        known.contains(&value).then_some(()).ok_or_else(|| {
            Refusal::invalid_params(&format!(
                "at /client/{at}: must be equal to one of the allowed values"
            ))
        })
    };
    one_of("id", &read.client.id, CLIENT_IDS)?;
    one_of("mode", &read.client.mode, CLIENT_MODES)?;
    Ok(read)
}

fn check_protocol(params: &ConnectParams) -> Result<(), Refusal> {
    if (params.min_protocol..=params.max_protocol).contains(&PROTOCOL) {
        return Ok(());
    }
    let details = json!({
        "code": "PROTOCOL_MISMATCH",
        "clientMinProtocol": params.min_protocol,
        "clientMaxProtocol": params.max_protocol,
        "expectedProtocol": PROTOCOL,
        "minimumProbeProtocol": 3,
    });
    Err(Refusal { close_code: 1002, ..detailed("protocol mismatch", details) })
}

fn is_ui(client: &Client) -> bool {
    matches!(client.id.as_str(), "openclaw-control-ui" | "webchat-ui" | "webchat")
        || matches!(client.mode.as_str(), "webchat" | "ui")
}

fn check_origin(origin: Option<&str>, is_ui: bool, rules: &Rules<'_>) -> Result<(), Refusal> {
    let reason = match origin {
        None if is_ui => "origin missing or invalid",
        None => return Ok(()),
        Some(origin) if allows(origin, rules.allowed_origins) => return Ok(()),
        Some(_) => "origin not allowed",
    };
    Err(detailed(
        "origin not allowed (open the Control UI from the gateway host or allow it in \
         gateway.controlUi.allowedOrigins)",
        json!({"code": "CONTROL_UI_ORIGIN_NOT_ALLOWED", "reason": reason}),
    ))
}

fn allows(origin: &str, allowed: &[String]) -> bool {
    let host = origin
        .split_once("://")
        .map_or("", |(_, rest)| rest.trim_end_matches(|c: char| c.is_ascii_digit()));
    matches!(host, "127.0.0.1:" | "localhost:" | "[::1]:")
        || allowed.iter().any(|entry| entry == "*" || entry == origin)
}

fn check_device(
    params: &ConnectParams,
    device: &Device,
    direct: bool,
    rules: &Rules<'_>,
) -> Result<(), Refusal> {
    let auth = &params.auth;
    let token = [&auth.token, &auth.device_token, &auth.bootstrap_token]
        .into_iter()
        .find_map(Option::as_deref)
        .unwrap_or_default();
    let signed = Signed {
        client_id: &params.client.id,
        client_mode: &params.client.mode,
        role: params.role.as_deref().unwrap_or("operator"),
        scopes: &params.scopes,
        token,
        platform: &params.client.platform,
        device_family: params.client.device_family.as_deref().unwrap_or_default(),
    };
    if !device.verifies(rules.nonce, &signed) {
        return Err(detailed(
            "device signature invalid",
            json!({"code": "DEVICE_AUTH_SIGNATURE_INVALID", "reason": "device-signature"}),
        ));
    }
    if !direct && !(rules.is_paired)(&device.id) {
        let details = json!({
            "code": "PAIRING_REQUIRED",
            "reason": "not-paired",
            "requestId": crate::ids::uuid(),
        });
        return Err(Refusal::policy(
            CallError::new("NOT_PAIRED", "pairing required").with_details(details),
        ));
    }
    Ok(())
}

fn check_secret(params: &ConnectParams, rules: &Rules<'_>) -> Result<(), Refusal> {
    let auth = &params.auth;
    if let Some(secret) = auth.token.as_deref().or(auth.password.as_deref()) {
        if same(secret, rules.token) {
            return Ok(());
        }
        return Err(detailed(
            "unauthorized: gateway token mismatch (provide gateway auth token)",
            json!({
                "code": "AUTH_TOKEN_MISMATCH",
                "authReason": "token_mismatch",
                "canRetryWithDeviceToken": false,
                "recommendedNextStep": "update_auth_credentials",
            }),
        ));
    }
    let owned = match (&params.device, &auth.device_token) {
        (Some(device), Some(token)) => (rules.owns_device_token)(&device.id, token),
        _ => false,
    };
    if owned {
        return Ok(());
    }
    Err(Refusal::policy(
        CallError::new("NOT_PAIRED", "device identity required")
            .with_details(json!({"code": "DEVICE_IDENTITY_REQUIRED"})),
    ))
}

fn check_build(client: &Client, rules: &Rules<'_>) -> Result<(), Refusal> {
    if client.id != "openclaw-control-ui" || client.build_id.as_deref() == Some(rules.build_id) {
        return Ok(());
    }
    Err(detailed(
        "control ui build mismatch; reload this page",
        json!({"code": "PROTOCOL_MISMATCH", "expectedBuildId": rules.build_id}),
    ))
}

/// `x-openclaw-scopes` takes scopes away and never adds one.
fn cap(mut scopes: Vec<String>, headers: &HeaderMap) -> Vec<String> {
    if let Some(cap) = headers.get("x-openclaw-scopes") {
        let cap = cap.to_str().unwrap_or_default();
        scopes.retain(|scope| cap.split(',').any(|allowed| allowed.trim() == scope));
    }
    scopes
}

fn detailed(message: &str, details: Value) -> Refusal {
    Refusal::policy(CallError::invalid_request(message).with_details(details))
}

/// Compares hashes, so that the time taken tells nothing about the secret.
pub fn same(given: &str, expected: &str) -> bool {
    Sha256::digest(given) == Sha256::digest(expected)
}

#[cfg(test)]
#[path = "handshake_tests.rs"]
mod tests;
