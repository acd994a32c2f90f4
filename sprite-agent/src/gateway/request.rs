//! A request of the page: read strictly, and written anew for the gateway.
//!
//! Written anew, because the gateway must see exactly the method that was
//! judged here: a name given twice is one thing to our parser and another to
//! the gateway's.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use shared::Secret;

/// Long enough for a UUID and its prefix; the page counts from 1.
const ID_MAX_BYTES: usize = 128;

#[derive(Debug, Deserialize)]
pub struct Request<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    pub id: Cow<'a, str>,
    #[serde(borrow)]
    pub method: Cow<'a, str>,
    #[serde(borrow, default)]
    pub params: Option<&'a RawValue>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the frame is not a request")]
pub struct NotARequest;

impl<'a> Request<'a> {
    /// # Errors
    /// When `text` is anything but one request with each of its members once.
    pub fn parse(text: &'a str) -> Result<Self, NotARequest> {
        let request: Self = serde_json::from_str(text).map_err(|_| NotARequest)?;
        let is_sound =
            request.kind == "req" && !request.id.is_empty() && request.id.len() <= ID_MAX_BYTES;
        if is_sound { Ok(request) } else { Err(NotARequest) }
    }

    /// The frame for the gateway; parameters as the page wrote them.
    pub fn to_frame(&self) -> String {
        frame(&self.id, &self.method, self.params)
    }
}

/// The `connect` that we send in place of the page's: the same whatever the page asked for.
///
/// `gateway-client`/`backend` on the loopback interface needs no device and
/// gets the scopes it asks for, as long as no `Origin` and no forwarded header
/// comes with it.
pub fn connect_frame(id: &str, token: &Secret<String>, scopes: &[&str]) -> String {
    connect_frame_with(id, token, scopes, &["tool-events"])
}

/// [`connect_frame`] with what the client says it can take of events.
pub fn connect_frame_with(
    id: &str,
    token: &Secret<String>,
    scopes: &[&str],
    capabilities: &[&str],
) -> String {
    let params = serde_json::json!({
        "minProtocol": 4,
        "maxProtocol": 4,
        "client": {
            "id": "gateway-client",
            "version": env!("CARGO_PKG_VERSION"),
            "platform": "linux",
            "mode": "backend",
        },
        "role": "operator",
        "caps": capabilities,
        "scopes": scopes,
        "auth": { "token": token.expose() },
    });
    frame(id, "connect", params)
}

/// A request of the agent's own making.
pub fn frame(id: &str, method: &str, params: impl Serialize) -> String {
    #[derive(Serialize)]
    struct Frame<'a, P> {
        r#type: &'static str,
        id: &'a str,
        method: &'a str,
        params: P,
    }
    serde_json::to_string(&Frame { r#type: "req", id, method, params }).expect("a request is JSON")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::methods::SCOPES;

    #[test]
    fn parameters_pass_as_they_are() {
        let text =
            r#"{ "params": {"b": 1.0, "a":[ ]}, "method":"chat.send", "id":"1", "type":"req" }"#;
        let frame = Request::parse(text).unwrap().to_frame();
        let expected =
            r#"{"type":"req","id":"1","method":"chat.send","params":{"b": 1.0, "a":[ ]}}"#;
        assert_eq!(frame, expected);
    }

    #[test]
    fn a_method_cannot_hide_behind_another() {
        for text in [
            r#"{"type":"req","id":"1","method":"chat.send","method":"config.set"}"#,
            r#"{"type":"req","id":"1","method":"chat.send","m\u0065thod":"config.set"}"#,
            r#"{"type":"req","id":"1","id":"2","method":"chat.send"}"#,
            r#"{"type":"req","id":"1","method":"chat.send","params":{},"params":{}}"#,
        ] {
            assert_eq!(Request::parse(text).err(), Some(NotARequest), "{text}");
        }
        let disguised = r#"{"type":"req","id":"1","method":"config\u002eset","extra":1}"#;
        let request = Request::parse(disguised).unwrap();
        assert_eq!(request.method, "config.set");
        assert!(!request.to_frame().contains("extra"));
    }

    #[test]
    fn what_is_no_request_is_refused() {
        for text in [
            "",
            "null",
            "[]",
            "{}",
            r#"{"type":"res","id":"1","method":"x"}"#,
            r#"{"type":"req","id":1,"method":"x"}"#,
            r#"{"type":"req","id":"","method":"x"}"#,
            r#"{"type":"req","id":"1"}"#,
            r#"{"type":"req","id":"1","method":"x"} {}"#,
        ] {
            assert!(Request::parse(text).is_err(), "{text}");
        }
        let long = format!(r#"{{"type":"req","id":"{}","method":"x"}}"#, "1".repeat(129));
        assert!(Request::parse(&long).is_err());
    }

    #[test]
    fn the_gateway_gets_our_connect_and_the_token() {
        let frame = connect_frame("1", &Secret::new("the-token".to_owned()), SCOPES);
        let frame: serde_json::Value = serde_json::from_str(&frame).unwrap();
        assert_eq!(frame["method"], "connect");
        assert_eq!(frame["params"]["auth"]["token"], "the-token");
        assert_eq!(frame["params"]["client"]["id"], "gateway-client");
        assert_eq!(frame["params"]["scopes"], serde_json::json!(SCOPES));
    }
}
