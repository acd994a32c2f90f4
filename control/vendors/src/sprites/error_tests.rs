use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::json;
use shared::{Secret, Upstream};

use super::*;

fn of(status: u16, retry_after: Option<&str>, body: &str) -> SpritesError {
    let origin = Upstream::parse("https://api.sprites.test").unwrap();
    let http = Http::with_bearer(&origin, &Secret::new("org/1/2/secret".to_owned())).unwrap();
    let mut headers = HeaderMap::new();
    if let Some(seconds) = retry_after {
        headers.insert("retry-after", HeaderValue::from_str(seconds).unwrap());
    }
    let status = StatusCode::from_u16(status).unwrap();
    of_reply(&http, &Reply { status, headers, body: body.into() })
}

#[test]
fn every_refusal_has_its_meaning_and_says_whether_to_call_again() {
    let check = |status, retry_after, body: &str, kind: &str, again| {
        let error = of(status, retry_after, body);
        let debug = format!("{error:?}");
        assert!(debug.starts_with(kind), "{status} {body}: {debug}");
        assert_eq!(error.again(), again, "{error}");
    };
    let after = |seconds| Again::After(Duration::from_secs(seconds));
    check(400, None, r#"{"error":"invalid name"}"#, "Refused", Again::Never);
    check(401, None, r#"{"error":"authentication failed"}"#, "Unauthorized", Again::Soon);
    check(404, None, r#"{"error":"sprite not found"}"#, "Missing", Again::Never);
    check(404, None, r#"{"error":"open","code":"ENOENT"}"#, "Missing", Again::Never);
    check(404, None, r#"{"error":"no such file"}"#, "Missing", Again::Never);
    check(404, None, "<html>404</html>", "Refused", Again::Never);
    check(404, None, "sprite not found", "Refused", Again::Never);
    check(404, None, r#"{"error":{"x":1}}"#, "Refused", Again::Never);
    check(409, None, r#"{"error":"sprite exists"}"#, "Conflict", Again::Never);
    let limited = json!({ "error": "sprite_creation_rate_limited", "retry_after_seconds": 30 });
    check(429, Some("5"), &limited.to_string(), "CreationLimited", after(30));
    let limited = r#"{"error":"sprite_creation_rate_limited"}"#;
    check(429, Some("5"), limited, "CreationLimited", after(5));
    check(429, None, limited, "CreationLimited", after(60));
    let full = r#"{"error":"concurrent_sprite_limit_exceeded","message":"3 of 3","limit":3}"#;
    check(429, Some("5"), full, "FleetFull", Again::Never);
    check(429, Some("5"), r#"{"error":"slow down"}"#, "Busy", after(5));
    check(429, None, "slow down", "Busy", Again::Soon);
    check(500, None, "", "Busy", Again::Soon);
    check(503, Some("2"), "waking", "Busy", after(2));
    check(302, None, "", "Refused", Again::Never);
}

#[test]
fn a_strange_hint_is_no_hint() {
    let check = |hint: &str| {
        let body =
            format!(r#"{{"error":"sprite_creation_rate_limited","retry_after_seconds":{hint}}}"#);
        assert_eq!(of(429, None, &body).again(), Again::After(CREATION_PAUSE), "{hint}");
    };
    check("-1");
    check("1e300");
}

#[test]
fn the_token_is_not_repeated() {
    let error = of(401, None, r#"{"error":"bad token org/1/2/secret"}"#);
    assert_eq!(error.to_string(), "the provider refuses our token: bad token ***");
}
