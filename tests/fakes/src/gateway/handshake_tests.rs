//! The handshake matrix as tried on the real gateway, token mode. The
//! letters are the cases' names in that table.

use axum::http::HeaderMap;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Admission, Refusal, Rules, decide};
use crate::gateway::BUILD_ID;
use crate::gateway::device::{Device, Signed};
use crate::ids::hex;

const TOKEN: &str = "right";
const NONCE: &str = "4c99df60";
const ORIGIN: (&str, &str) = ("origin", "https://cust1.example.test");
const FORWARDED: (&str, &str) = ("x-forwarded-for", "203.0.113.9");
const BACKEND: (&str, &str) = ("gateway-client", "backend");
const CONTROL_UI: (&str, &str) = ("openclaw-control-ui", "webchat");
const WEBCHAT_UI: (&str, &str) = ("webchat-ui", "webchat");
const CLI: (&str, &str) = ("cli", "cli");

fn connect((id, mode): (&str, &str), auth: &Value) -> Value {
    json!({
        "minProtocol": 4,
        "maxProtocol": 4,
        "client": {
            "id": id, "mode": mode, "version": "1", "platform": "linux", "buildId": BUILD_ID,
        },
        "role": "operator",
        "caps": ["tool-events"],
        "scopes": ["operator.read", "operator.write"],
        "auth": auth,
    })
}

/// Adds a device whose signature covers `signed_token`.
fn signed(mut params: Value, signed_token: &str) -> Value {
    let key = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("any seed is good");
    let public = key.public_key().as_ref();
    let mut device = Device {
        id: hex(&Sha256::digest(public)),
        public_key: URL_SAFE_NO_PAD.encode(public),
        signature: String::new(),
        signed_at: 1_795_329_241_701,
        nonce: NONCE.to_owned(),
    };
    let client = params["client"].clone();
    let statement = device.statement(&Signed {
        client_id: client["id"].as_str().unwrap(),
        client_mode: client["mode"].as_str().unwrap(),
        role: "operator",
        scopes: &["operator.read".to_owned(), "operator.write".to_owned()],
        token: signed_token,
        platform: "linux",
        device_family: "",
    });
    device.signature = URL_SAFE_NO_PAD.encode(key.sign(statement.as_bytes()));
    params["device"] = json!({
        "id": device.id,
        "publicKey": device.public_key,
        "signature": device.signature,
        "signedAt": device.signed_at,
        "nonce": device.nonce,
    });
    params
}

fn judge(headers: &[(&str, &str)], params: &Value) -> Result<Admission, Refusal> {
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
        .collect();
    let rules = Rules {
        token: TOKEN,
        allowed_origins: &["https://cust1.example.test".to_owned()],
        trusted_proxies: &["127.0.0.1".to_owned()],
        build_id: BUILD_ID,
        nonce: NONCE,
        is_paired: &|_| false,
        owns_device_token: &|_, token| token == "device-token",
    };
    decide(&headers, params, &rules)
}

fn check_scopes(case: &str, headers: &[(&str, &str)], params: &Value, expected: &[&str]) {
    let admission = judge(headers, params);
    let scopes = admission.map(|admission| admission.scopes);
    let scopes = scopes.unwrap_or_else(|refusal| panic!("{case} was refused: {refusal:?}"));
    assert_eq!(scopes, expected, "{case}");
}

/// `expected` is the error's code and the code in its details.
fn check_refused(
    case: &str,
    headers: &[(&str, &str)],
    params: &Value,
    expected: (&str, &str, u16),
) {
    let Err(refusal) = judge(headers, params) else {
        panic!("{case} was let in");
    };
    let details = refusal.error.details.as_ref();
    let code = details.map_or("", |details| details["code"].as_str().unwrap());
    assert_eq!((refusal.error.code, code, refusal.close_code), expected, "{case}");
}

fn token() -> Value {
    json!({"token": TOKEN})
}

const BOTH: &[&str] = &["operator.read", "operator.write"];

#[test]
fn a_program_on_this_machine_gets_what_it_asks_for() {
    check_scopes("A1", &[], &connect(BACKEND, &token()), BOTH);
    check_scopes("A2", &[], &connect(BACKEND, &json!({"password": TOKEN})), BOTH);
    check_scopes("A7", &[("host", "cust1.example.test")], &connect(BACKEND, &token()), BOTH);
    let harmless = [("via", "x"), ("cf-connecting-ip", "203.0.113.9")];
    check_scopes("A12", &harmless, &connect(BACKEND, &token()), BOTH);
    check_scopes("D1", &[], &connect(CLI, &token()), BOTH);
}

#[test]
fn behind_a_proxy_or_a_page_it_is_connected_and_may_do_nothing() {
    check_scopes("A8", &[ORIGIN], &connect(BACKEND, &token()), &[]);
    check_scopes("A9", &[FORWARDED], &connect(BACKEND, &token()), &[]);
    check_scopes("D2", &[ORIGIN], &connect(CLI, &token()), &[]);
    check_scopes("webchat without device", &[ORIGIN], &connect(WEBCHAT_UI, &token()), &[]);
}

#[test]
fn asking_for_nothing_gives_nothing() {
    let mut params = connect(BACKEND, &token());
    params.as_object_mut().unwrap().remove("scopes");
    check_scopes("A13", &[], &params, &[]);
}

#[test]
fn a_header_caps_the_scopes() {
    let params = connect(BACKEND, &token());
    check_scopes("E1", &[("x-openclaw-scopes", "operator.read")], &params, &["operator.read"]);
    check_scopes("empty cap", &[("x-openclaw-scopes", "")], &params, &[]);
    let more = [("x-openclaw-scopes", "operator.read, operator.write,operator.admin")];
    check_scopes("a cap adds nothing", &more, &params, BOTH);
}

#[test]
fn the_secret_must_be_in_the_first_frame_and_right() {
    let missing = ("NOT_PAIRED", "DEVICE_IDENTITY_REQUIRED", 1008);
    check_refused("A3", &[], &connect(BACKEND, &json!({})), missing);
    let bearer = [("authorization", "Bearer right")];
    check_refused("A5", &bearer, &connect(BACKEND, &json!({})), missing);
    let wrong = ("INVALID_REQUEST", "AUTH_TOKEN_MISMATCH", 1008);
    check_refused("A4", &[], &connect(BACKEND, &json!({"token": "wrong"})), wrong);
    check_refused("wrong password", &[], &connect(BACKEND, &json!({"password": "wrong"})), wrong);
}

#[test]
fn a_page_must_come_from_an_allowed_origin() {
    let refused = ("INVALID_REQUEST", "CONTROL_UI_ORIGIN_NOT_ALLOWED", 1008);
    check_refused("B1", &[], &connect(CONTROL_UI, &token()), refused);
    check_refused("C1", &[], &connect(WEBCHAT_UI, &token()), refused);
    check_refused("D5", &[], &connect(("gateway-client", "ui"), &token()), refused);
    let evil = [("origin", "https://evil.test")];
    check_refused("B3", &evil, &connect(CONTROL_UI, &token()), refused);
    check_refused("any client", &evil, &connect(BACKEND, &token()), refused);
}

#[test]
fn the_control_ui_needs_a_device_that_signed() {
    let no_device = ("INVALID_REQUEST", "CONTROL_UI_DEVICE_IDENTITY_REQUIRED", 1008);
    check_refused("B2", &[ORIGIN], &connect(CONTROL_UI, &token()), no_device);
    check_scopes("B4", &[ORIGIN], &signed(connect(CONTROL_UI, &token()), TOKEN), BOTH);
    let loopback = [("origin", "http://127.0.0.1:3001")];
    check_scopes("B7", &loopback, &signed(connect(CONTROL_UI, &token()), TOKEN), BOTH);
    check_scopes("C3", &[ORIGIN], &signed(connect(WEBCHAT_UI, &token()), TOKEN), BOTH);
    let unpaired = ("NOT_PAIRED", "PAIRING_REQUIRED", 1008);
    let params = signed(connect(CONTROL_UI, &token()), TOKEN);
    check_refused("B5", &[ORIGIN, FORWARDED], &params, unpaired);
}

#[test]
fn a_proxy_may_add_a_password_to_a_signed_connect_but_no_token() {
    let invalid = ("INVALID_REQUEST", "DEVICE_AUTH_SIGNATURE_INVALID", 1008);
    check_refused("B8", &[ORIGIN], &signed(connect(CONTROL_UI, &token()), ""), invalid);
    let with_password = connect(CONTROL_UI, &json!({"password": TOKEN}));
    check_scopes("B9", &[ORIGIN], &signed(with_password, ""), BOTH);
}

#[test]
fn a_device_token_works_where_it_belongs() {
    let both = json!({"deviceToken": "device-token", "password": TOKEN});
    check_scopes("E4", &[ORIGIN], &signed(connect(CONTROL_UI, &both), "device-token"), BOTH);
    let stale = signed(connect(CONTROL_UI, &json!({"token": "device-token"})), "device-token");
    let wrong = ("INVALID_REQUEST", "AUTH_TOKEN_MISMATCH", 1008);
    check_refused("E6", &[ORIGIN], &stale, wrong);
}

#[test]
fn a_control_ui_of_another_build_must_reload() {
    let mut params = connect(CONTROL_UI, &token());
    params["client"]["buildId"] = "older".into();
    let mismatch = ("INVALID_REQUEST", "PROTOCOL_MISMATCH", 1008);
    check_refused("B4 before", &[ORIGIN], &signed(params, TOKEN), mismatch);
}

#[test]
fn what_the_gateway_does_not_know_is_refused() {
    let invalid = ("INVALID_REQUEST", "", 1008);
    check_refused("D3", &[], &connect(("pflaster", "backend"), &token()), invalid);
    check_refused("operator is no mode", &[], &connect(("cli", "operator"), &token()), invalid);
    check_refused("nothing", &[], &json!({}), invalid);
    let mut params = connect(BACKEND, &token());
    params["client"]["zzz"] = 1.into();
    check_refused("unexpected property", &[], &params, invalid);
    let mut params = connect(BACKEND, &token());
    params["minProtocol"] = 3.into();
    params["maxProtocol"] = 3.into();
    check_refused("D6", &[], &params, ("INVALID_REQUEST", "PROTOCOL_MISMATCH", 1002));
}

#[test]
fn secrets_do_not_show_in_debug_output() {
    let auth: super::Auth = serde_json::from_value(token()).unwrap();
    assert!(!format!("{auth:?}").contains(TOKEN));
}
