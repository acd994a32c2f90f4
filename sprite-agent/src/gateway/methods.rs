//! What the page may ask of the gateway, and with which rights.

/// The first request on each connection; the agent fills it in.
pub const CONNECT: &str = "connect";

/// Everything the page may call after `connect`. Nothing here can read or change
/// configuration, approve devices or run a tool directly.
const ALLOWED: &[&str] = &[
    "chat.abort",
    "chat.history",
    "chat.send",
    "health",
    "models.list",
    "sessions.delete",
    "sessions.list",
    "skills.status",
];

/// Asked for in `connect` and capped once more by the header on the upgrade.
pub const SCOPES: &[&str] = &["operator.read", "operator.write"];

/// The same for the `x-openclaw-scopes` header.
pub const SCOPES_HEADER: &str = "operator.read,operator.write";

pub fn is_allowed(method: &str) -> bool {
    ALLOWED.binary_search(&method).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_methods_are_allowed() {
        assert!(ALLOWED.is_sorted());
        assert_eq!(SCOPES.join(","), SCOPES_HEADER);
        assert!(is_allowed("chat.send"));
        for method in ["", "connect", "chat", "chat.send ", "CHAT.SEND", "config.get", "logs.tail"]
        {
            assert!(!is_allowed(method), "{method}");
        }
    }
}
