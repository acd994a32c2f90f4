//! How a browser forgets what the chat page kept in it, once its owner has left on the site.
//!
//! Drafts and titles belong to the workspace's host, and only an answer from there can have a
//! browser clear them (`Clear-Site-Data`). So the site sends it there, and the edge sends it back,
//! which knows of workspaces that are gone as well.

use crate::{PublicSite, Username};

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

    /// The page of the site to which the edge sends it back.
    pub fn page_url(self, site: &PublicSite) -> String {
        let page = match self {
            Self::SignedOut => "/login?signed_out=1",
            Self::Deleted => "/account/deleted",
        };
        format!("{}{page}", site.site_url())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
