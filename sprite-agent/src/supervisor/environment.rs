//! The gateway's environment, built from nothing.
//!
//! The assistant prints its environment to whoever asks it to, so nothing of
//! the agent's own may be in there.

use std::path::Path;

use shared::Secret;

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How the gateway is to behave in a workspace: no discovery on the network, no restarting
/// or updating by itself (both are the supervisor's). Nor does it repair itself: without a
/// supervisor it answers a failed start with a conversation with the customer's model, which
/// takes minutes before each exit, and that model's tokens.
const BEHAVIOUR: &[(&str, &str)] = &[
    ("OPENCLAW_DISABLE_BONJOUR", "1"),
    ("OPENCLAW_EXEC_SHELL_SNAPSHOT", "0"),
    ("OPENCLAW_NO_AUTO_UPDATE", "1"),
    ("OPENCLAW_NO_RESPAWN", "1"),
    ("OPENCLAW_OFFLINE", "1"),
    ("OPENCLAW_SERVICE_REPAIR_POLICY", "external"),
    ("OPENCLAW_SUPERVISOR_MODE", "external"),
];

/// `extra` comes last and may replace anything but what follows from the configuration.
pub fn build(
    state_dir: &Path,
    home: &Path,
    token: &Secret<String>,
    extra: &[(String, String)],
) -> Vec<(String, String)> {
    let text = |path: &Path| path.display().to_string();
    let mut variables = vec![
        ("PATH".to_owned(), PATH.to_owned()),
        ("HOME".to_owned(), text(home)),
        ("LANG".to_owned(), "C.UTF-8".to_owned()),
    ];
    variables.extend(BEHAVIOUR.iter().map(|(name, value)| ((*name).into(), (*value).into())));
    variables.extend_from_slice(extra);
    variables.extend([
        ("OPENCLAW_STATE_DIR".to_owned(), text(state_dir)),
        ("OPENCLAW_CONFIG_PATH".to_owned(), text(&state_dir.join("openclaw.json"))),
        ("OPENCLAW_GATEWAY_TOKEN".to_owned(), token.expose().clone()),
    ]);
    variables
}

/// The values in `extra` that are credentials, going by their names.
pub fn secrets_among(extra: &[(String, String)]) -> impl Iterator<Item = &str> {
    const ENDINGS: [&str; 4] = ["KEY", "TOKEN", "SECRET", "PASSWORD"];
    extra
        .iter()
        .filter(|(name, _)| ENDINGS.iter().any(|ending| name.to_uppercase().ends_with(ending)))
        .map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_from_the_configuration_cannot_be_replaced() {
        let extra = [("PATH".to_owned(), "/opt/bin".to_owned())];
        let token = Secret::new("the-token".to_owned());
        let variables = build(Path::new("/state"), Path::new("/home/x"), &token, &extra);
        let last = |name: &str| {
            variables.iter().rfind(|(key, _)| key == name).map(|(_, value)| value.as_str())
        };
        assert_eq!(last("PATH"), Some("/opt/bin"));
        assert_eq!(last("OPENCLAW_CONFIG_PATH"), Some("/state/openclaw.json"));
        assert_eq!(last("OPENCLAW_GATEWAY_TOKEN"), Some("the-token"));
        assert_eq!(last("OPENCLAW_NO_RESPAWN"), Some("1"));
    }

    #[test]
    fn credentials_are_known_by_their_names() {
        let extra = ["MODEL_API_KEY", "github_token", "LANG", "KEYBOARD"]
            .map(|name| (name.to_owned(), format!("value of {name}")));
        let secrets: Vec<_> = secrets_among(&extra).collect();
        assert_eq!(secrets, ["value of MODEL_API_KEY", "value of github_token"]);
    }
}
