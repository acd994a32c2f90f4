//! Where to go after signing in: a path on the same host, and nothing else.

use std::fmt;

/// Begins with one `/`; no backslash, no control character, at most 8,192 bytes.
///
/// Browsers read `//host`, `/\host` and a tab or newline in between as another
/// host, which is why those are refused and not repaired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnPath(String);

impl ReturnPath {
    /// Escaped, each byte can become three: a path of this length, its escaped form in an
    /// address and the rest of a head fit into the 32 KiB that the edge reads.
    pub const MAX_BYTES: usize = 8_192;

    /// The start page stands in for whatever cannot be trusted.
    pub fn or_root(text: &str) -> Self {
        let is_kept = is_local(text) && text.len() <= Self::MAX_BYTES;
        Self(if is_kept { text.to_owned() } else { "/".to_owned() })
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a browser that is sent there stays on the host. Of any length.
pub fn is_local(path: &str) -> bool {
    path.starts_with('/')
        && !path.starts_with("//")
        && path.bytes().all(|byte| (0x21..0x7f).contains(&byte) && byte != b'\\')
}

impl fmt::Display for ReturnPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(ReturnPath::or_root(text).as_str(), expected, "{text:?}");
    }

    #[test]
    fn only_paths_of_the_same_host_are_kept() {
        check("/", "/");
        check("/chat?x=//evil.test#f", "/chat?x=//evil.test#f");
        check("/a//b", "/a//b");
        check("", "/");
        check("chat", "/");
        check("//evil.test", "/");
        check("/\\evil.test", "/");
        check("/a\\b", "/");
        check("/\t/evil.test", "/");
        check("/\n//evil.test", "/");
        check("https://evil.test/", "/");
        check("javascript:alert(1)", "/");
        check("/ä", "/");
        let long = format!("/{}", "a".repeat(ReturnPath::MAX_BYTES - 1));
        check(&long, &long);
        check(&format!("{long}a"), "/");
    }

    proptest! {
        #[test]
        fn no_text_leads_to_another_host(text in ".{0,30}") {
            let path = ReturnPath::or_root(&text);
            prop_assert!(path.as_str().starts_with('/'));
            prop_assert!(!path.as_str()[1..].starts_with(['/', '\\']));
        }
    }
}
