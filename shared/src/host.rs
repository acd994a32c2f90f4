//! What a `Host` header names: our site, a workspace, or nothing of ours.

use crate::domain::{self, DomainError};
use crate::{Domain, Upstream, Username};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// The base domain itself, or its `www`.
    Site,
    Workspace(Username),
    /// Below the base domain, but no name that a workspace could have; or another domain.
    Unknown,
}

/// How the public reaches us: the site's origin and the domain above all workspaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicSite {
    base_domain: String,
    site_url: Upstream,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{site_url} is neither the origin of base_domain, which is {base_domain:?}, nor that of its www"
)]
pub struct ForeignSite {
    base_domain: String,
    site_url: Upstream,
}

/// What is wrong with a base domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BaseDomainError {
    #[error("is a name of DNS alone, in lower case, such as example.org: {0}")]
    NoDomain(DomainError),
    #[error("has at most {BASE_DOMAIN_MAX_BYTES} characters, so that names fit before it")]
    Long,
}

/// A name of DNS has 253; before it stand a workspace's name and a dot.
const BASE_DOMAIN_MAX_BYTES: usize = 253 - Username::MAX_BYTES - 1;

impl PublicSite {
    /// What may stand above all workspaces.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse_base_domain(text: &str) -> Result<String, BaseDomainError> {
        domain::labels(text).map_err(BaseDomainError::NoDomain)?;
        if text.len() > BASE_DOMAIN_MAX_BYTES {
            return Err(BaseDomainError::Long);
        }
        Ok(text.to_owned())
    }

    /// # Errors
    /// When the site's own host is not `base_domain` or `www.<base_domain>`.
    pub fn new(base_domain: &str, site_url: Upstream) -> Result<Self, ForeignSite> {
        let host = site_url.host();
        if host == base_domain || host.strip_prefix("www.") == Some(base_domain) {
            Ok(Self { base_domain: base_domain.to_owned(), site_url })
        } else {
            Err(ForeignSite { base_domain: base_domain.to_owned(), site_url })
        }
    }

    /// `host` is the value of the header, with or without a port.
    pub fn classify(&self, host: &str) -> Host {
        let (name, _) = split_port(host);
        // A fully qualified name may end in a dot; letters may be capitals.
        let name = name.strip_suffix('.').unwrap_or(name);
        let Some(label_len) = name.len().checked_sub(self.base_domain.len()) else {
            return Host::Unknown;
        };
        let (label, base) = name.as_bytes().split_at(label_len);
        if !base.eq_ignore_ascii_case(self.base_domain.as_bytes()) {
            return Host::Unknown;
        }
        match label.split_last() {
            None => Host::Site,
            Some((b'.', label)) => workspace(label),
            Some(_) => Host::Unknown,
        }
    }

    /// The origin at which `host` is reached; `None` for one that is not ours.
    pub fn origin_of(&self, host: &Host) -> Option<String> {
        match host {
            Host::Site => Some(self.site_url().to_owned()),
            Host::Workspace(username) => Some(self.workspace_url(username)),
            Host::Unknown => None,
        }
    }

    /// The origin of a workspace at its own name, or at `domain`, without a slash at its end.
    pub fn origin_at(&self, username: &Username, domain: Option<&Domain>) -> String {
        match domain {
            None => self.workspace_url(username),
            Some(domain) => format!("{}{domain}{}", self.scheme(), self.port()),
        }
    }

    /// Is `origin`, as a browser says it, the origin `own`, in any spelling of its host?
    pub fn is_spelling_of(own: &str, origin: &str) -> bool {
        let dotless = || {
            let (scheme, host) = origin.split_once("://")?;
            Some(format!("{scheme}://{}", without_root_dot(host)?))
        };
        own.eq_ignore_ascii_case(origin)
            || dotless().is_some_and(|origin| own.eq_ignore_ascii_case(&origin))
    }

    /// May a customer bring `domain`? What ends in ours is given by us.
    pub fn is_foreign(&self, domain: &Domain) -> bool {
        let rest = domain.as_str().strip_suffix(self.base_domain.as_str());
        !rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }

    /// `arcamatrix.com`
    pub fn base_domain(&self) -> &str {
        &self.base_domain
    }

    /// `https://arcamatrix.com`, no trailing slash.
    pub fn site_url(&self) -> &str {
        self.site_url.as_str()
    }

    /// `https://ada.arcamatrix.com`, no trailing slash.
    pub fn workspace_url(&self, username: &Username) -> String {
        format!("{}{}", self.scheme(), self.workspace_host(username))
    }

    /// `ada.arcamatrix.com`, with the port where the site has one.
    pub fn workspace_host(&self, username: &Username) -> String {
        format!("{username}.{}{}", self.base_domain, self.port())
    }

    /// `:8443`, or nothing where it is the scheme's own.
    fn port(&self) -> &str {
        &self.site_url.authority()[self.site_url.host().len()..]
    }

    fn scheme(&self) -> &'static str {
        if self.site_url.is_tls() { "https://" } else { "http://" }
    }

    /// `https` or `http`, as visitors reach us.
    pub fn scheme_name(&self) -> &'static str {
        if self.site_url.is_tls() { "https" } else { "http" }
    }
}

/// `host` without the dot of the root behind its name; `None` where there is none.
///
/// For the DNS both are one host. For a browser they are two, with cookies and
/// origins of their own.
pub fn without_root_dot(host: &str) -> Option<String> {
    let (name, port) = split_port(host);
    name.strip_suffix('.').map(|name| format!("{name}{port}"))
}

/// `host` as a key: in lower case, without port and without the dot of the root.
pub fn host_name(host: &str) -> String {
    let (name, _) = split_port(host);
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

/// Before the first colon, and from it on. Byte by byte: a host is too short for a search that
/// prepares itself.
fn split_port(host: &str) -> (&str, &str) {
    host.split_at(host.bytes().position(|byte| byte == b':').unwrap_or(host.len()))
}

fn workspace(label: &[u8]) -> Host {
    if label.eq_ignore_ascii_case(b"www") {
        return Host::Site;
    }
    let mut lower = [0; Username::MAX_BYTES];
    let Some(lower) = lower.get_mut(..label.len()) else { return Host::Unknown };
    lower.copy_from_slice(label);
    lower.make_ascii_lowercase();
    std::str::from_utf8(lower)
        .ok()
        .and_then(|name| Username::parse(name).ok())
        .map_or(Host::Unknown, Host::Workspace)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site() -> PublicSite {
        PublicSite::new("arca.test", "https://arca.test:8443".parse().unwrap()).unwrap()
    }

    fn check(host: &str, expected: Host) {
        assert_eq!(site().classify(host), expected, "{host}");
    }

    #[test]
    fn hosts_are_told_apart() {
        let ada = Host::Workspace("ada".parse().unwrap());
        check("arca.test", Host::Site);
        check("ARCA.test:8443", Host::Site);
        check("www.arca.test", Host::Site);
        check("ada.arca.test", ada);
        check("Ada.Arca.Test.", ada);
        check("ada.arca.test:80", ada);
        for unknown in [
            "",
            ".",
            ":",
            "arca",
            "evil.test",
            "xarca.test",
            "a.b.arca.test",
            ".arca.test",
            "api.arca.test",
            "a_b.arca.test",
            "xn--a.arca.test",
            "127.0.0.1",
            "[::1]:80",
            "äda.arca.test",
            "-.arca.test",
        ] {
            check(unknown, Host::Unknown);
        }
        check(&format!("{}.arca.test", "a".repeat(33)), Host::Unknown);
    }

    #[test]
    fn a_dot_behind_the_name_makes_no_other_host() {
        assert_eq!(without_root_dot("ada.arca.test.:8443").unwrap(), "ada.arca.test:8443");
        assert_eq!(without_root_dot("ada.arca.test.").unwrap(), "ada.arca.test");
        assert_eq!(without_root_dot("ada.arca.test:8443"), None);
        let (site, ada) = (site(), "ada".parse().unwrap());
        let check = |origin: &str, is_own: bool| {
            let own = site.origin_at(&ada, None);
            assert_eq!(PublicSite::is_spelling_of(&own, origin), is_own, "{origin}");
        };
        check("https://ada.arca.test:8443", true);
        check("HTTPS://Ada.arca.test.:8443", true);
        for foreign in [
            "http://ada.arca.test:8443",
            "https://ada.arca.test.",
            "https://ada.arca.test..:8443",
            "https://eve.arca.test.:8443",
            "https://ada.arca.test:8443.",
            "null",
            "",
        ] {
            check(foreign, false);
        }
    }

    #[test]
    fn a_domain_of_a_customers_own_has_the_sites_scheme_and_port_and_is_none_of_ours() {
        let (site, ada) = (site(), "ada".parse().unwrap());
        let chat = Domain::parse("chat.example.org").unwrap();
        assert_eq!(site.origin_at(&ada, Some(&chat)), "https://chat.example.org:8443");
        assert_eq!(host_name("Chat.Example.org.:8443"), "chat.example.org");
        let check = |domain: &str, is_foreign: bool| {
            assert_eq!(site.is_foreign(&Domain::parse(domain).unwrap()), is_foreign, "{domain}");
        };
        check("chat.example.org", true);
        check("xarca.test", true);
        check("arca.test", false);
        check("ada.arca.test", false);
        check("a.b.arca.test", false);
    }

    #[test]
    fn workspace_urls_follow_the_site() {
        let ada = "ada".parse().unwrap();
        assert_eq!(site().workspace_url(&ada), "https://ada.arca.test:8443");
        assert!(PublicSite::new("arca.test", "https://other.test".parse().unwrap()).is_err());
    }

    #[test]
    fn a_base_domain_is_a_name_of_dns_alone() {
        let check = |text: &str, expected: &str| {
            let parsed = PublicSite::parse_base_domain(text);
            let seen = parsed.err().map(|error| error.to_string()).unwrap_or_default();
            assert!(seen.contains(expected) && expected.is_empty() == seen.is_empty(), "{seen}");
        };
        check("arcamatrix.com", "");
        check("arcamatrix.localhost", "");
        check("eu.arca.co.uk", "");
        check("https://arcamatrix.com", "is a name of DNS alone");
        check("arcamatrix.com:8443", "is a name of DNS alone");
        check("Arcamatrix.com", "in lower case");
        check("arcamatrix.com.", "is a name of DNS alone");
        check("*.arcamatrix.com", "a wildcard");
        check("192.0.2.1", "an address");
        check("arcamatrix", "has two parts");
        check("", "is a name of DNS alone");
        check(&format!("{}com", "abcdefghi.".repeat(24)), "has at most 220 characters");
    }
}
