//! How a browser forgets what the chat page kept in it, once its owner has left on the site.
//!
//! Drafts and titles belong to the workspace's host, and only an answer from there can have a
//! browser clear them (`Clear-Site-Data`). So the site sends it there, and the edge sends it back,
//! which knows of workspaces that are gone as well. Before that it sends it on to each domain of the
//! customer's own, where the browser keeps the same apart.

use subtle::ConstantTimeEq as _;

use crate::{Domain, KeyRing, PublicSite, Username, hex};

/// How long it shows that an edge has sent the browser on, in seconds: for one redirect on a slow
/// phone, and as long again.
const PERIOD_SECONDS: u64 = 60;

/// What the browser's owner did on the site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Departure {
    SignedOut,
    Deleted,
}

impl Departure {
    /// The one that the edge is asked for at `path` of a workspace's host.
    pub fn at(path: &str) -> Option<Self> {
        [Self::SignedOut, Self::Deleted].into_iter().find(|it| it.path() == path)
    }

    fn path(self) -> &'static str {
        match self {
            Self::SignedOut => "/auth/signed-out",
            Self::Deleted => "/auth/deleted",
        }
    }

    /// Where the site sends the browser.
    pub fn url(self, site: &PublicSite, workspace: &Username) -> String {
        format!("{}{}", site.workspace_url(workspace), self.path())
    }

    /// Where the edge sends the browser on at `now` (unix seconds), which has forgotten at another
    /// host: a link on somebody's page cannot say the same.
    pub fn url_at(
        self,
        site: &PublicSite,
        workspace: &Username,
        domain: &Domain,
        (ring, now): (&KeyRing, u64),
    ) -> String {
        let origin = site.origin_at(workspace, Some(domain));
        let proof = proof(ring, ring.current().as_str(), domain, now / PERIOD_SECONDS);
        format!("{origin}{}?proof={proof}", self.path())
    }

    /// Has an edge that has `ring` sent the browser to `target` of `domain`, shortly before `now`?
    pub fn is_sent(target: &str, domain: &Domain, (ring, now): (&KeyRing, u64)) -> bool {
        let Some((_, shown)) = target.split_once("?proof=") else { return false };
        let period = now / PERIOD_SECONDS;
        let good = ring.ids().flat_map(|id| {
            [period, period.saturating_sub(1)]
                .map(|period| proof(ring, id.as_str(), domain, period))
        });
        good.fold(false, |found, good| found | bool::from(good.as_bytes().ct_eq(shown.as_bytes())))
    }

    /// The page of the site to which the edge sends it back.
    pub fn page_url(self, site: &PublicSite) -> String {
        let page = match self {
            Self::SignedOut => "/login?signed_out=1",
            Self::Deleted => "/account/deleted",
        };
        format!("{}{page}", site.site_url())
    }
}

fn proof(ring: &KeyRing, id: &str, domain: &Domain, period: u64) -> String {
    let parts = [domain.as_str(), &period.to_string()];
    hex::encode(&ring.derive(id, "departure", &parts).expect("the id was taken from this ring"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyring::tests::ring;

    #[test]
    fn only_an_edge_sends_a_browser_on_and_only_for_a_moment() {
        let site = PublicSite::new("arca.test", "https://arca.test".parse().unwrap()).unwrap();
        let [chat, mail] = ["chat.example.org", "mail.example.org"].map(|it| it.parse().unwrap());
        let ada = "ada".parse().unwrap();
        let url = Departure::Deleted.url_at(&site, &ada, &chat, (&ring("k1"), 600));
        let target = url.strip_prefix("https://chat.example.org").unwrap();
        assert_eq!(Departure::at(target.split('?').next().unwrap()), Some(Departure::Deleted));
        let is_sent = |target: &str, domain: &Domain, now| {
            Departure::is_sent(target, domain, (&ring("k1"), now))
        };
        assert!(is_sent(target, &chat, 600) && is_sent(target, &chat, 719));
        assert!(!is_sent(target, &chat, 720) && !is_sent(target, &chat, 599));
        assert!(!is_sent(target, &mail, 600));
        let other = format!("current = \"k1\"\n[keys]\nk1 = \"{}\"\n", "5a".repeat(32));
        let other = KeyRing::from_toml(&other).unwrap();
        assert!(!Departure::is_sent(target, &chat, (&other, 600)));
        for forged in ["/auth/deleted", "/auth/deleted?proof=", "/auth/deleted?proof=00"] {
            assert!(!is_sent(forged, &chat, 600), "{forged}");
        }
    }

    #[test]
    fn the_edge_knows_where_the_site_sends_people() {
        let site = PublicSite::new("arca.test", "https://arca.test:8443".parse().unwrap()).unwrap();
        for departure in [Departure::SignedOut, Departure::Deleted] {
            let url = departure.url(&site, &"ada".parse().unwrap());
            let path = url.strip_prefix("https://ada.arca.test:8443").unwrap();
            assert_eq!(Departure::at(path), Some(departure));
        }
        assert_eq!(Departure::at("/auth/logout"), None);
    }
}
