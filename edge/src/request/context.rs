//! One request and what was found out about it before it is decided.

use std::borrow::Cow;
use std::sync::Arc;

use shared::navigation::page_language;
use shared::{Departure, Host, KeyRing, PublicSite, without_root_dot};

use super::decision::RequestFacts;
use super::overlong::is_same_origin;
use crate::domains::{Domains, Served};
use crate::head::{Body, Head};
use crate::observe::RequestRecord;
use crate::respond::ResponseOptions;

pub(super) struct RequestContext<'a> {
    pub(super) head: &'a Head<'a>,
    /// The host without the dot that makes no other one of it.
    pub(super) host: Cow<'a, str>,
    /// The domain of a customer's own that it is.
    pub(super) domain: Option<Arc<Served>>,
    /// Unix seconds.
    pub(super) now: u64,
    pub(super) options: ResponseOptions,
    /// May another request follow, once the body was read to its end?
    pub(super) keep_alive: bool,
    pub(super) record: RequestRecord,
}

impl<'a> RequestContext<'a> {
    /// `draining` says that the edge is about to end.
    pub(super) fn new(
        head: &'a Head<'a>,
        domain: Option<Arc<Served>>,
        record: RequestRecord,
        draining: bool,
        now: u64,
    ) -> Self {
        let keep_alive = head.keep_alive && !draining;
        let options = ResponseOptions {
            request: record.request(),
            page: page_language(head.method, |name| head.header(name)),
            // For an answer that does not wait for the body.
            keep_alive: keep_alive && head.body == Body::None,
            head_only: head.method == "HEAD",
        };
        let host = without_root_dot(head.host).map_or(Cow::Borrowed(head.host), Cow::Owned);
        Self { head, host, domain, now, options, keep_alive, record }
    }

    /// What the decision needs to know of the request to `workspace`.
    pub(super) fn facts(&self, site: &PublicSite, host: &Host, ring: &KeyRing) -> RequestFacts<'a> {
        let head = self.head;
        let is_workspace = matches!(host, Host::Workspace(_));
        let own_origin = head
            .header("origin")
            .filter(|_| is_workspace)
            .map(|origin| self.is_own_origin(site, host, origin));
        let is = |name: &str, expected: &str| head.header(name) == Some(expected);
        RequestFacts {
            method: head.method,
            path: head.path(),
            websocket: head.websocket.is_some(),
            navigation: self.options.page.is_some(),
            cross_site: is("sec-fetch-site", "cross-site"),
            sent_on: self.domain.as_ref().is_some_and(|served| {
                Departure::is_sent(head.target, &served.domain, (ring, self.now))
            }),
            service_worker: head.header("service-worker").is_some(),
            own_origin,
            same_origin: is_same_origin(head.host, |name| head.header(name)),
        }
    }

    /// Where a browser that left is to forget next: by name, so that it comes to each host once.
    pub(super) fn next_host(
        &self,
        departure: Departure,
        site: &PublicSite,
        domains: &Domains,
        ring: &KeyRing,
    ) -> Option<String> {
        let (name, present) = match (&self.domain, site.classify(self.head.host)) {
            (Some(served), _) => (served.username, Some(&served.domain)),
            (None, Host::Workspace(name)) => (name, None),
            (None, _) => return None,
        };
        let next = domains.following(&name, present)?;
        Some(departure.url_at(site, &name, &next, (ring, self.now)))
    }

    /// The origin at which `host`, which the request is for, is reached; `None` for one that is
    /// not ours.
    pub(super) fn origin(&self, site: &PublicSite, host: &Host) -> Option<String> {
        match (host, &self.domain) {
            (Host::Workspace(name), Some(served)) => {
                Some(site.origin_at(name, Some(&served.domain)))
            }
            _ => site.origin_of(host),
        }
    }

    /// Is it what the browser says of a page of the very host that it asks?
    pub(super) fn is_own_origin(&self, site: &PublicSite, host: &Host, said: &str) -> bool {
        self.origin(site, host).is_some_and(|own| PublicSite::is_spelling_of(&own, said))
    }

    /// Does somebody look at a page under another spelling of our host?
    pub(super) fn is_page_elsewhere(&self) -> bool {
        let is_respelt = matches!(self.host, Cow::Owned(_));
        is_respelt && self.options.page.is_some() && self.head.target.starts_with('/')
    }

    /// May it be sent twice without harm (RFC 9110, 9.2.2)?
    pub(super) fn is_repeatable(&self) -> bool {
        let is_idempotent =
            matches!(self.head.method, "GET" | "HEAD" | "OPTIONS" | "PUT" | "DELETE");
        self.head.body == Body::None && is_idempotent
    }
}
