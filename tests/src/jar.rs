//! A browser's cookies, kept by a browser's rules.
//!
//! A cookie that a browser would refuse is an error here: a story must not pass
//! with a `Set-Cookie` that no real visitor would have kept.

use std::collections::BTreeMap;

use anyhow::{bail, ensure};
use cookie::{Cookie, SameSite};

/// How a request relates to the page that caused it; the value of `Sec-Fetch-Site`.
///
/// Ordered from near to far: a chain of redirects is as far as its farthest hop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Site {
    /// Typed into the address bar.
    None,
    SameOrigin,
    SameSite,
    CrossSite,
}

impl Site {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::SameOrigin => "same-origin",
            Self::SameSite => "same-site",
            Self::CrossSite => "cross-site",
        }
    }
}

#[derive(Debug, Default, Clone)]
pub struct Jar {
    /// By host, then by name.
    hosts: BTreeMap<String, BTreeMap<String, Kept>>,
}

#[derive(Debug, Clone)]
struct Kept {
    value: String,
    same_site: SameSite,
}

impl Jar {
    /// Keeps, replaces or deletes what one `Set-Cookie` of `host` says.
    ///
    /// # Errors
    /// When a browser would ignore it.
    pub fn store(&mut self, host: &str, set_cookie: &str) -> anyhow::Result<()> {
        let cookie = Cookie::parse(set_cookie.to_owned())?;
        let name = cookie.name().to_owned();
        let secure = cookie.secure().unwrap_or(false);
        ensure!(cookie.domain().is_none(), "{host} set {name} for a whole domain");
        if name.starts_with("__Host-") {
            ensure!(secure, "{host} set {name} without Secure");
            ensure!(cookie.path() == Some("/"), "{host} set {name} without Path=/");
        } else if name.starts_with("__Secure-") && !secure {
            bail!("{host} set {name} without Secure");
        }
        let same_site = cookie.same_site().unwrap_or(SameSite::Lax);
        let cookies = self.hosts.entry(host.to_owned()).or_default();
        let is_over = cookie.max_age().is_some_and(|age| !age.is_positive())
            || cookie.expires_datetime().is_some_and(|time| time.unix_timestamp() <= 0);
        if is_over {
            cookies.remove(&name);
        } else {
            cookies.insert(name, Kept { value: cookie.value().to_owned(), same_site });
        }
        Ok(())
    }

    /// The `Cookie` header for a request to `host`, by the rules of `SameSite`.
    pub fn header(&self, host: &str, site: Site, is_get_navigation: bool) -> Option<String> {
        let is_sent = |kept: &Kept| match kept.same_site {
            _ if site != Site::CrossSite => true,
            SameSite::Strict => false,
            SameSite::Lax => is_get_navigation,
            SameSite::None => true,
        };
        let sent: Vec<String> = self
            .hosts
            .get(host)?
            .iter()
            .filter(|(_, kept)| is_sent(kept))
            .map(|(name, kept)| format!("{name}={}", kept.value))
            .collect();
        (!sent.is_empty()).then(|| sent.join("; "))
    }

    pub fn value(&self, host: &str, name: &str) -> Option<&str> {
        Some(self.hosts.get(host)?.get(name)?.value.as_str())
    }

    /// Every cookie: host, name, value.
    pub fn all(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.hosts.iter().flat_map(|(host, cookies)| {
            cookies.iter().map(|(name, kept)| (host.as_str(), name.as_str(), kept.value.as_str()))
        })
    }

    /// Puts a cookie there by hand, as a thief would.
    pub fn plant(&mut self, host: &str, name: &str, value: &str) {
        let kept = Kept { value: value.to_owned(), same_site: SameSite::Lax };
        self.hosts.entry(host.to_owned()).or_default().insert(name.to_owned(), kept);
    }

    pub fn forget(&mut self, host: &str, name: &str) {
        if let Some(cookies) = self.hosts.get_mut(host) {
            cookies.remove(name);
        }
    }

    /// Follows `Clear-Site-Data: "cookies"`.
    pub fn clear(&mut self, host: &str) {
        self.hosts.remove(host);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_cookies_are_refused_unless_they_keep_the_rules() {
        let mut jar = Jar::default();
        for bad in [
            "__Host-a=1; Path=/",
            "__Host-a=1; Secure",
            "__Host-a=1; Secure; Path=/auth",
            "__Host-a=1; Secure; Path=/; Domain=x.test",
            "a=1; Domain=x.test",
        ] {
            assert!(jar.store("x.test", bad).is_err(), "{bad}");
        }
        jar.store("x.test", "__Host-a=1; Secure; Path=/; HttpOnly; SameSite=Strict").unwrap();
        assert_eq!(jar.value("x.test", "__Host-a"), Some("1"));
        jar.store("x.test", "__Host-a=; Secure; Path=/; Max-Age=0").unwrap();
        assert_eq!(jar.value("x.test", "__Host-a"), None);
    }

    #[test]
    fn strict_cookies_stay_home_on_the_first_step_from_elsewhere() {
        let mut jar = Jar::default();
        jar.store("x.test", "s=1; SameSite=Strict").unwrap();
        jar.store("x.test", "l=2; SameSite=Lax").unwrap();
        assert_eq!(jar.header("x.test", Site::CrossSite, true).as_deref(), Some("l=2"));
        assert_eq!(jar.header("x.test", Site::CrossSite, false), None);
        assert_eq!(jar.header("x.test", Site::SameSite, false).as_deref(), Some("l=2; s=1"));
        assert_eq!(jar.header("y.test", Site::None, true), None);
    }
}
