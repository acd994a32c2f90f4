//! What of a tree belongs into the archive. Pure.

use super::tree::Tree;

/// Why something is not in the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LeftOut {
    /// It would let whoever has the archive act in the customer's name.
    Credential,
    /// It can be made again, and says nothing that is not elsewhere.
    MadeAgain,
    Link,
    /// A socket, a pipe, a device.
    NoFile,
    TooDeep,
    FileTooLarge,
    /// Too much has been taken already.
    Full,
}

impl LeftOut {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Credential => "left out: it holds a key or a password",
            Self::MadeAgain => "left out: it is a cache, a log or an installed program",
            Self::Link => "left out: a link to something outside this folder",
            Self::NoFile => "left out: neither a file nor a folder",
            Self::TooDeep => "left out: too many folders in each other",
            Self::FileTooLarge => "left out: larger than a file in an archive may be",
            Self::Full => "left out: the archive is as large as it may be",
        }
    }
}

/// The gateway's folders with what it has been trusted with.
const CREDENTIAL_FOLDERS: [&str; 4] = ["credentials", "identity", "devices", "secrets"];

const CREDENTIAL_FILES: [&str; 5] =
    ["auth-profiles.json", "auth.json", "device-auth.json", ".env", "exec-approvals.json"];

const MADE_AGAIN: [&str; 8] =
    ["logs", "cache", ".cache", "tmp", "node_modules", "npm", "plugin-skills", "completions"];

/// The folders in which the customer's own files are: whatever is in them is theirs.
const WORKSPACE: &str = "workspace";

/// `path` is the names from the tree's root to the entry, itself included.
pub(super) fn refuse(tree: Tree, path: &[&str]) -> Option<LeftOut> {
    let (name, parents) = path.split_last()?;
    match tree {
        Tree::Gateway if parents.first().is_some_and(|first| is_workspace(first)) => None,
        Tree::Gateway if CREDENTIAL_FOLDERS.contains(name) || CREDENTIAL_FILES.contains(name) => {
            Some(LeftOut::Credential)
        }
        Tree::Gateway if MADE_AGAIN.contains(name) || is_update_capture(name) => {
            Some(LeftOut::MadeAgain)
        }
        // A folder such as .ssh is a credential, one such as .npm is made again; what programs
        // hide at the top of a home is the one or the other.
        Tree::Home if parents.is_empty() && name.starts_with('.') => Some(LeftOut::Credential),
        Tree::Home if parents.is_empty() && MADE_AGAIN.contains(name) => Some(LeftOut::MadeAgain),
        _ => None,
    }
}

/// Of the gateway: its settings, and the copies that it keeps of them.
pub(super) fn is_gateway_settings(tree: Tree, path: &[&str]) -> bool {
    tree == Tree::Gateway && path.len() == 1 && path[0].starts_with("openclaw.json")
}

/// Conversations and settings before what is large: what does not fit is at the end.
pub(super) fn comes_last(tree: Tree, name: &str) -> bool {
    tree == Tree::Gateway && is_workspace(name)
}

/// As in `MODEL_API_KEY`, `botToken`, `webhookSecret`.
pub(super) fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["token", "secret", "password", "passwd", "apikey", "api_key", "api-key", "credential"]
        .iter()
        .any(|word| name.contains(word))
        || ["key", "_key"].iter().any(|end| name == *end || name.ends_with("_key"))
        || name.ends_with("privatekey")
}

/// Where a link may lead: to what is in the archive as well. `path` is of the link.
pub(super) fn stays_inside(path: &[&str], target: &str) -> bool {
    if target.starts_with('/') || target.is_empty() {
        return false;
    }
    let mut depth = path.len().saturating_sub(1);
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => match depth.checked_sub(1) {
                Some(less) => depth = less,
                None => return false,
            },
            _ => depth += 1,
        }
    }
    true
}

fn is_workspace(name: &str) -> bool {
    name == WORKSPACE || name.starts_with("workspace-")
}

fn is_update_capture(name: &str) -> bool {
    name.ends_with(".update-captures")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_and_caches_stay_and_the_customers_own_files_go() {
        let check = |tree, path: &[&str], expected| {
            assert_eq!(refuse(tree, path), expected, "{path:?}");
        };
        check(Tree::Gateway, &["credentials"], Some(LeftOut::Credential));
        check(Tree::Gateway, &["agents", "main", "auth-profiles.json"], Some(LeftOut::Credential));
        check(Tree::Gateway, &[".env"], Some(LeftOut::Credential));
        check(Tree::Gateway, &["workspace", ".env"], None);
        check(Tree::Gateway, &["workspace-two", "credentials"], None);
        check(Tree::Gateway, &["logs"], Some(LeftOut::MadeAgain));
        check(Tree::Gateway, &["workspace", "logs"], None);
        check(Tree::Gateway, &["agents"], None);
        check(Tree::Home, &[".ssh"], Some(LeftOut::Credential));
        check(Tree::Home, &["notes", ".hidden"], None);
        check(Tree::Home, &["node_modules"], Some(LeftOut::MadeAgain));
    }

    #[test]
    fn a_link_may_lead_within_the_tree_only() {
        assert!(stays_inside(&["a", "b"], "c") && stays_inside(&["a", "b"], "../c/./d"));
        assert!(!stays_inside(&["a", "b"], "../../c") && !stays_inside(&["a"], "../x"));
        assert!(!stays_inside(&["a"], "/etc/passwd") && !stays_inside(&["a"], ""));
        assert!(!stays_inside(&["a", "b"], "x/../../../c"));
    }

    #[test]
    fn names_of_secrets_are_known() {
        for name in ["MODEL_API_KEY", "botToken", "apiKey", "webhookSecret", "key", "privateKey"] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in ["keyboard", "PATH", "monkey", "skills"] {
            assert!(!is_secret_name(name), "{name}");
        }
    }
}
