//! The JSON on the wire: requests as they come in, responses and events as
//! they go out.

use serde_json::{Map, Value, json};

/// A client's request, its envelope checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    pub id: Value,
    pub method: String,
    pub params: Value,
}

/// Why a text frame is no request.
#[derive(Clone, Debug, PartialEq)]
pub enum BadFrame {
    /// Not a JSON object.
    Garbage,
    /// An object, but no request: nothing to answer to.
    NotARequest,
    /// A request with an id to answer to, and what is wrong with it.
    Malformed { id: Value, error: CallError },
}

/// An error as it stands in a response.
#[derive(Clone, Debug, PartialEq)]
pub struct CallError {
    pub code: &'static str,
    pub message: String,
    pub details: Option<Box<Value>>,
    /// Milliseconds after which trying again makes sense.
    pub retry_after_ms: Option<u64>,
    /// What is known all the same, for instance a failed turn's run id.
    pub payload: Option<Box<Value>>,
}

impl CallError {
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), details: None, retry_after_ms: None, payload: None }
    }

    pub fn invalid_request(message: impl Into<String>) -> Self {
        Self::new("INVALID_REQUEST", message)
    }

    pub fn missing_scope(scope: &str) -> Self {
        Self::new("FORBIDDEN", format!("missing scope: {scope}")).with_details(json!({
            "code": "MISSING_SCOPE",
            "missingScope": scope,
            "requiredScopes": [scope],
        }))
    }

    /// The port is open, the gateway is not yet.
    pub fn starting() -> Self {
        Self::new("UNAVAILABLE", "gateway starting; retry shortly")
            .with_details(json!({"reason": "startup-sidecars"}))
            .retry_after(500)
    }

    /// The gateway finishes its turns and takes nothing new.
    pub fn draining(method: &str) -> Self {
        Self::new("UNAVAILABLE", format!("{method} unavailable during gateway restart"))
            .with_details(json!({
                "method": method,
                "reason": "gateway-restarting",
                "phase": "accepting",
            }))
            .retry_after(1000)
    }

    /// The gateway takes nothing new until it is resumed.
    pub fn suspended(method: &str) -> Self {
        Self::new("UNAVAILABLE", format!("{method} unavailable during gateway suspension"))
            .with_details(json!({
                "method": method,
                "reason": "gateway-suspending",
                "phase": "prepared",
            }))
            .retry_after(1000)
    }

    #[must_use]
    pub fn with_details(mut self, details: Value) -> Self {
        self.details = Some(Box::new(details));
        self
    }

    #[must_use]
    pub fn with_payload(mut self, payload: Value) -> Self {
        self.payload = Some(Box::new(payload));
        self
    }

    #[must_use]
    fn retry_after(mut self, milliseconds: u64) -> Self {
        self.retry_after_ms = Some(milliseconds);
        self
    }

    fn to_json(&self) -> Value {
        let mut error = Map::new();
        error.insert("code".into(), self.code.into());
        error.insert("message".into(), self.message.as_str().into());
        if let Some(retry_after_ms) = self.retry_after_ms {
            error.insert("retryable".into(), true.into());
            error.insert("retryAfterMs".into(), retry_after_ms.into());
        }
        if let Some(details) = &self.details {
            error.insert("details".into(), (**details).clone());
        }
        Value::Object(error)
    }
}

/// Reads one frame of a client.
///
/// # Errors
/// See [`BadFrame`]; only `Malformed` can be answered.
pub fn parse(text: &str) -> Result<Request, BadFrame> {
    let Ok(Value::Object(mut frame)) = serde_json::from_str(text) else {
        return Err(BadFrame::Garbage);
    };
    if frame.get("type").and_then(Value::as_str) != Some("req") {
        return Err(BadFrame::NotARequest);
    }
    let Some(id) = frame.remove("id").filter(Value::is_string) else {
        return Err(BadFrame::NotARequest);
    };
    let wrong = |what: &str| CallError::invalid_request(format!("invalid request frame: {what}"));
    match frame.remove("method") {
        Some(Value::String(method)) => {
            Ok(Request { id, method, params: frame.remove("params").unwrap_or_else(|| json!({})) })
        }
        Some(_) => Err(BadFrame::Malformed { id, error: wrong("at /method: must be string") }),
        None => {
            Err(BadFrame::Malformed { id, error: wrong("must have required property 'method'") })
        }
    }
}

/// The response to `id`.
pub fn response(id: &Value, result: &Result<Value, CallError>) -> String {
    match result {
        Ok(payload) => json!({"type": "res", "id": id, "ok": true, "payload": payload}),
        Err(error) => {
            let mut frame = json!({"type": "res", "id": id, "ok": false});
            if let Some(payload) = &error.payload {
                frame["payload"] = (**payload).clone();
            }
            frame["error"] = error.to_json();
            frame
        }
    }
    .to_string()
}

/// The very first frame of a connection.
pub fn challenge(nonce: &str, now_ms: u64) -> String {
    json!({
        "type": "event",
        "event": "connect.challenge",
        "payload": {"nonce": nonce, "ts": now_ms, "capabilities": ["model-catalog-snapshot"]},
    })
    .to_string()
}

/// An event whose payload is already JSON, with this connection's number.
pub fn event(name: &str, payload_json: &str, seq: u64) -> String {
    format!(r#"{{"type":"event","event":"{name}","payload":{payload_json},"seq":{seq}}}"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_without_params_has_none() {
        let request = parse(r#"{"type":"req","id":"1","method":"health"}"#).unwrap();
        assert_eq!(request.params, json!({}));
    }

    #[test]
    fn what_can_be_answered_is_told_from_what_cannot() {
        assert_eq!(parse("garbage"), Err(BadFrame::Garbage));
        assert_eq!(parse("[]"), Err(BadFrame::Garbage));
        assert_eq!(parse(r#"{"type":"event","event":"x"}"#), Err(BadFrame::NotARequest));
        let Err(BadFrame::Malformed { id, error }) = parse(r#"{"type":"req","id":"7","method":5}"#)
        else {
            panic!("a request whose method is a number can be answered");
        };
        assert_eq!(id, "7");
        assert_eq!(error.message, "invalid request frame: at /method: must be string");
    }

    #[test]
    fn an_error_says_whether_trying_again_makes_sense() {
        let frame = response(&json!("1"), &Err(CallError::starting()));
        let frame: Value = serde_json::from_str(&frame).unwrap();
        assert_eq!(frame["error"]["retryable"], true);
        assert_eq!(frame["error"]["retryAfterMs"], 500);
        assert_eq!(frame["error"]["details"]["reason"], "startup-sidecars");
    }
}
