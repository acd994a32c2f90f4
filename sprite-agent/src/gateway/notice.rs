//! Frames that the agent itself says to the page.

use serde_json::json;

use super::pending_requests::RequestRefusal;
use crate::gateway_status::Reason;

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
    /// `reason` is the supervisor's, in the words that health and `/config.json` have for it too.
    pub fn to_frame(self, reason: Reason) -> String {
        let state = match self {
            Self::Starting => "starting",
            Self::Restarting => "restarting",
            Self::Ready => "ready",
            Self::Failed => "failed",
        };
        json!({
            "type": "event",
            "event": "arca.gateway",
            "payload": {
                "state": state,
                "reason": reason.label(),
                "message": reason.for_customer(),
            },
        })
        .to_string()
    }

    /// Why it is so. A page may know of a loss before the supervisor does.
    pub fn reason(self, known: Reason) -> Reason {
        match (self, known) {
            (Self::Ready, _) => Reason::Ready,
            (Self::Starting, Reason::Ready) => Reason::Starting,
            (Self::Restarting, Reason::Ready) => Reason::Restarting,
            (Self::Failed, Reason::Ready) => Reason::ConnectionRefused,
            (_, known) => known,
        }
    }
}

impl RequestRefusal {
    /// `reason` is the supervisor's: why there may be no connection.
    pub fn to_frame(&self, id: &str, method: &str, reason: Reason) -> String {
        match self {
            Self::MethodNotAllowed => {
                // The method's name is the page's own text; cut, so that an answer stays small.
                let method: String = method.chars().take(64).collect();
                response(id, "FORBIDDEN", &format!("method {method:?} is not available here"))
            }
            Self::ParamsNotAllowed(refused) => response(id, "FORBIDDEN", &refused.to_string()),
            Self::Unavailable if reason == Reason::Ready => {
                not_forwarded(id, "there is no connection to the assistant yet")
            }
            Self::Unavailable => not_forwarded(id, reason.for_customer()),
            Self::NotConnected => not_forwarded(id, "connect first"),
            Self::AlreadyConnected => response(id, "INVALID_REQUEST", "connected already"),
            Self::IdInUse => response(id, "INVALID_REQUEST", "this id is waiting for its answer"),
            Self::Argument(refused) => response(id, "FORBIDDEN", &refused.to_string()),
            Self::TooFast { retry_after_ms } => json!({
                "type": "res",
                "id": id,
                "ok": false,
                "error": {
                    "code": "UNAVAILABLE",
                    "message": "too many changes within a minute",
                    "retryAfterMs": retry_after_ms,
                },
            })
            .to_string(),
            Self::TooMany => response(id, "UNAVAILABLE", "too many requests are waiting"),
        }
    }
}

/// The answer to a request whose connection was lost.
pub fn unavailable(id: &str) -> String {
    response(id, "UNAVAILABLE", "the connection to the assistant was lost")
}

/// The answer to `connect` when the gateway cannot take it yet.
pub fn not_yet(id: &str) -> String {
    response(id, "UNAVAILABLE", "the assistant is not ready yet")
}

/// The answer to one more plan than there may be.
pub fn full(id: &str) -> String {
    response(id, "UNAVAILABLE", "there are as many plans as there may be")
}

/// The answer to a request that was not passed on: sending it again cannot act twice.
fn not_forwarded(id: &str, message: &str) -> String {
    json!({
        "type": "res",
        "id": id,
        "ok": false,
        "error": {
            "code": "UNAVAILABLE",
            "message": message,
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
        let frame = RequestRefusal::MethodNotAllowed.to_frame("7", "config.set", Reason::Ready);
        let frame: serde_json::Value = serde_json::from_str(&frame).unwrap();
        assert_eq!(frame["id"], "7");
        assert_eq!(frame["error"]["code"], "FORBIDDEN");
        assert_eq!(frame["error"]["message"], "method \"config.set\" is not available here");
    }

    #[test]
    fn a_request_that_goes_nowhere_is_told_why() {
        let check = |refusal: RequestRefusal, reason: Reason, expected: &str| {
            let frame = refusal.to_frame("7", "chat.send", reason);
            let frame: serde_json::Value = serde_json::from_str(&frame).unwrap();
            assert_eq!(frame["error"]["message"], expected);
            assert_eq!(frame["error"]["details"]["reason"], "not-forwarded");
        };
        check(RequestRefusal::NotConnected, Reason::Ready, "connect first");
        for reason in [Reason::Starting, Reason::Restarting, Reason::DiskFull] {
            check(RequestRefusal::Unavailable, reason, reason.for_customer());
        }
        let opening = "there is no connection to the assistant yet";
        check(RequestRefusal::Unavailable, Reason::Ready, opening);
    }
}
