//! Frames that the agent itself says to the page.

use serde_json::json;

use super::pending_requests::RequestRefusal;

/// What the page is told about the gateway; the page has words of its own for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    Starting,
    Restarting,
    /// Follows the hello of the connection that ended an outage.
    Ready,
    Failed,
}

impl Notice {
    pub fn to_frame(self) -> String {
        let (state, message) = match self {
            Self::Starting => ("starting", "the assistant is starting"),
            Self::Restarting => ("restarting", "the assistant is restarting"),
            Self::Ready => ("ready", "the assistant is ready"),
            Self::Failed => ("failed", "the assistant could not be started"),
        };
        json!({
            "type": "event",
            "event": "arca.gateway",
            "payload": { "state": state, "message": message },
        })
        .to_string()
    }
}

impl RequestRefusal {
    pub fn to_frame(&self, id: &str, method: &str) -> String {
        match self {
            Self::MethodNotAllowed => {
                // The method's name is the page's own text; cut, so that an answer stays small.
                let method: String = method.chars().take(64).collect();
                response(id, "FORBIDDEN", &format!("method {method:?} is not available here"))
            }
            Self::ParamsNotAllowed(refused) => response(id, "FORBIDDEN", &refused.to_string()),
            Self::Unavailable => not_forwarded(id),
            Self::AlreadyConnected => response(id, "INVALID_REQUEST", "connected already"),
            Self::IdInUse => response(id, "INVALID_REQUEST", "this id is waiting for its answer"),
            Self::TooMany => response(id, "UNAVAILABLE", "too many requests are waiting"),
        }
    }
}

/// The answer to a request whose connection was lost.
pub fn unavailable(id: &str) -> String {
    response(id, "UNAVAILABLE", "the assistant is restarting")
}

/// The answer to a request that was not passed on: sending it again cannot act twice.
fn not_forwarded(id: &str) -> String {
    json!({
        "type": "res",
        "id": id,
        "ok": false,
        "error": {
            "code": "UNAVAILABLE",
            "message": "the assistant is restarting",
            "details": { "reason": "not-forwarded" },
        },
    })
    .to_string()
}

/// The answer to `connect` when the gateway refuses it.
pub fn refused(id: &str) -> String {
    response(id, "REFUSED", "the assistant did not accept the connection")
}

fn response(id: &str, code: &str, message: &str) -> String {
    json!({
        "type": "res",
        "id": id,
        "ok": false,
        "error": { "code": code, "message": message },
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_method_and_keeps_the_id() {
        let frame = RequestRefusal::MethodNotAllowed.to_frame("7", "config.set");
        let frame: serde_json::Value = serde_json::from_str(&frame).unwrap();
        assert_eq!(frame["id"], "7");
        assert_eq!(frame["error"]["code"], "FORBIDDEN");
        assert_eq!(frame["error"]["message"], "method \"config.set\" is not available here");
    }
}
