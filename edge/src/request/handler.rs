//! Puts a request before [`decide`] with everything that is known, and prepares
//! what the decision needs. Nothing here waits.

use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::Arc;

use shared::identity::{Identity, IdentityKey};
use shared::process::time::unix_seconds;
use shared::{Host, PublicSite, Route, Session, Upstream, Username};

use crate::config::Limits;
use crate::connections::{Entry, Kind, Live, Ticket};
use crate::forward::TargetKind;
use crate::head::{Body, Head, NO_HEADERS, Refusal};
use crate::keys::{KeyFile, Keys};
use crate::limits::counters::Guard;
use crate::observe::telemetry::{Exchange, Ledger};
use crate::policy::headers::{self, Credential, Forwarded};
use crate::request::connection::random_request_id;
use crate::request::decision::{Decision, Question, Refused, Workspace, decide};
use crate::request::session::{self, LastToken};
use crate::respond::response::{Answer, Manner};
use crate::routes::Routes;
use crate::tunnel::Tunnel;

pub struct Judge {
    pub site: Arc<PublicSite>,
    pub site_upstream: Upstream,
    pub keys: Arc<KeyFile>,
    pub routes: Arc<Routes>,
    pub live: Arc<Live>,
    pub guard: Arc<Guard>,
    pub ledger: Arc<Ledger>,
    pub limits: Limits,
    pub groups: RandomState,
}

/// The group of connections to control.
const SITE_GROUP: u64 = 0;

/// What one connection remembers from request to request.
pub struct Visitor {
    address: IpAddr,
    keys: Arc<Keys>,
    token: LastToken,
    identity: Option<(Arc<Route>, IdentityKey)>,
}

impl Visitor {
    /// Forgets what an older ring has vouched for.
    fn use_keys(&mut self, keys: Arc<Keys>) {
        if !Arc::ptr_eq(&self.keys, &keys) {
            *self = Self { keys, token: LastToken::default(), identity: None, ..*self };
        }
    }

    /// The key of `route`'s assignment. Deriving one costs as much as a
    /// signature, so the last is kept; a changed route is another `Arc`.
    fn identity_key(&mut self, route: &Arc<Route>) -> &IdentityKey {
        if !self.identity.as_ref().is_some_and(|(known, _)| Arc::ptr_eq(known, route)) {
            let key = IdentityKey::current(&self.keys.ring, &route.sprite, route.assignment);
            self.identity = Some((Arc::clone(route), key));
        }
        &self.identity.as_ref().expect("set above").1
    }
}

pub enum Judgement {
    Answer { answer: Box<Answer>, keep_alive: bool, exchange: Exchange },
    Pass(Box<Passing>),
    Tunnel(Box<Tunnel>),
}

/// A request that goes on to a sprite or to control.
pub struct Passing {
    /// The head as it goes on.
    pub head: Vec<u8>,
    pub body: Body,
    pub kind: TargetKind,
    pub upstream: Upstream,
    pub group: u64,
    /// Its place among what a cut ends; control's answers are not cut.
    pub entry: Option<Entry>,
    pub exchange: Exchange,
    pub manner: Manner,
    /// It may be sent twice without harm (RFC 9110, 9.2.2).
    pub repeatable: bool,
    /// May another request follow, once the body was read to its end?
    pub keep_alive: bool,
    /// The visitor speaks HTTP/1.1.
    pub knows_chunks: bool,
}

/// A request and what was found out about it.
struct Case<'a> {
    head: &'a Head<'a>,
    /// Unix seconds.
    now: u64,
    manner: Manner,
    /// See [`Passing::keep_alive`].
    keep_alive: bool,
    exchange: Exchange,
}

/// What the table says of the workspace a request is for.
struct Found {
    route: Arc<Route>,
    ticket: Ticket,
    workspace: Workspace,
}

impl Judge {
    /// A visitor who has just connected from `address`.
    pub fn welcome(&self, address: IpAddr) -> Visitor {
        Visitor { address, keys: self.keys.present(), token: LastToken::default(), identity: None }
    }

    pub fn site(&self) -> &PublicSite {
        &self.site
    }

    /// Judges one whole head. `has_more` says that bytes follow it already,
    /// `draining` that the edge is about to end.
    ///
    /// # Errors
    /// The request means nothing, or two things; the connection must end.
    pub fn judge(
        &self,
        visitor: &mut Visitor,
        bytes: &[u8],
        has_more: bool,
        draining: bool,
    ) -> Result<Judgement, Refusal> {
        let mut slots = NO_HEADERS;
        let head = Head::parse(bytes, &mut slots)?;
        // Bytes sent before the 101 would go through the tunnel unasked (CVE-2026-2833).
        if head.websocket && (has_more || head.body != Body::None) {
            return Err(Refusal::EarlyBytes);
        }
        visitor.use_keys(self.keys.present());
        let request = random_request_id();
        let keep_alive = head.keep_alive && !draining;
        let manner = Manner {
            request,
            page: is_navigation(&head),
            // For an answer that does not wait for the body.
            keep_alive: keep_alive && head.body == Body::None,
            head_only: head.method == "HEAD",
        };
        let exchange = Exchange::begin(&self.ledger, request, visitor.address, &head);
        let case = Case { head: &head, now: unix_seconds(), manner, keep_alive, exchange };
        let host = self.site.classify(head.host);
        if !self.guard.allows_visitor(visitor.address) {
            return Ok(self.refused(Refused::TooManyRequests, case));
        }
        if matches!(head.body, Body::Length(length) if length > self.limits.body_max_bytes) {
            return Ok(self.refused(Refused::BodyTooLarge, case));
        }
        Ok(self.answer(visitor, host, case))
    }

    fn answer(&self, visitor: &mut Visitor, host: Host, case: Case<'_>) -> Judgement {
        loop {
            let name = if let Host::Workspace(name) = host { Some(name) } else { None };
            let found = name.and_then(|name| self.find(visitor, &case, &name));
            if found.is_none() && name.is_some() && !self.routes.is_ready() {
                return self.refused(Refused::NotReady, case);
            }
            let question = self.question(&case, name.as_ref());
            let decision = decide(host, &question, found.as_ref().map(|found| &found.workspace));
            let (session, kind) = match decision {
                Decision::Sprite(session) => (session, Kind::Request),
                Decision::Tunnel(session) => (session, Kind::Socket),
                other => return self.answer_here(other, visitor, found.as_ref(), case),
            };
            let found = found.expect("only a workspace that was found reaches its sprite");
            if let Some(refused) = self.too_much(&found.route.username, kind) {
                return self.refused(refused, case);
            }
            match self.live.enter(found.ticket, session.id, session.epoch, kind) {
                Some(entry) => {
                    return self.to_sprite(visitor, &found.route, &session, kind, entry, case);
                }
                // Something was cut since we looked: look again.
                None => continue,
            }
        }
    }

    /// What a workspace has too much of, before one more of `kind`.
    fn too_much(&self, name: &Username, kind: Kind) -> Option<Refused> {
        if !self.guard.allows_workspace(name) {
            return Some(Refused::TooManyRequests);
        }
        let is_full = || self.live.sockets_of(name) >= self.limits.sockets_per_workspace;
        (kind == Kind::Socket && is_full()).then_some(Refused::TooManySockets)
    }

    fn find(&self, visitor: &mut Visitor, case: &Case<'_>, name: &Username) -> Option<Found> {
        let Case { head, now, .. } = *case;
        let ticket = self.live.ticket(name);
        let route = self.routes.find(name)?;
        let is_locked = |session: &Session| self.routes.is_locked(name, Some(&session.id), now);
        let Visitor { keys, token, .. } = visitor;
        let epoch = route.epoch;
        let session = session::check(&keys.sessions, token, head, name, epoch, is_locked, now);
        let locked = self.routes.is_locked(name, None, now);
        let workspace = Workspace { state: route.state, locked, session };
        Some(Found { route, ticket, workspace })
    }

    fn question<'a>(&self, case: &Case<'a>, workspace: Option<&Username>) -> Question<'a> {
        let head = case.head;
        let own_origin = workspace
            .zip(head.header("origin"))
            .map(|(name, origin)| origin.eq_ignore_ascii_case(&self.site.workspace_url(name)));
        let is = |name: &str, expected: &str| head.header(name) == Some(expected);
        Question {
            method: head.method,
            path: head.path(),
            websocket: head.websocket,
            navigation: case.manner.page,
            cross_site: is("sec-fetch-site", "cross-site"),
            service_worker: head.header("service-worker").is_some(),
            own_origin,
        }
    }

    fn to_sprite(
        &self,
        visitor: &mut Visitor,
        route: &Arc<Route>,
        session: &Session,
        kind: Kind,
        entry: Entry,
        case: Case<'_>,
    ) -> Judgement {
        let Case { head, now, manner, keep_alive, exchange } = case;
        let identity = Identity {
            username: route.username,
            session: session.id,
            request: manner.request,
            issued: now,
        };
        let signed = visitor.identity_key(route).sign(&identity);
        let credential = Credential::Identity(&signed);
        let bytes =
            self.forwarded(visitor.address, route.upstream.authority(), credential, head, manner);
        let upstream = route.upstream.clone();
        if kind == Kind::Socket {
            let idle = self.limits.socket_idle;
            return Judgement::Tunnel(Box::new(Tunnel {
                upstream,
                head: bytes,
                entry,
                exchange,
                idle,
            }));
        }
        Judgement::Pass(Box::new(Passing {
            head: bytes,
            body: head.body,
            kind: TargetKind::Sprite,
            upstream,
            group: self.group_of(route),
            entry: Some(entry),
            exchange,
            manner,
            repeatable: is_repeatable(head),
            keep_alive,
            knows_chunks: head.version == 1,
        }))
    }

    fn to_site(&self, visitor: &Visitor, case: Case<'_>) -> Judgement {
        let Case { head, manner, keep_alive, exchange, .. } = case;
        let credential = Credential::SiteHop(visitor.keys.site_hop.expose());
        // Control tells the site and the workspaces apart by the public host.
        let bytes = self.forwarded(visitor.address, head.host, credential, head, manner);
        Judgement::Pass(Box::new(Passing {
            head: bytes,
            body: head.body,
            kind: TargetKind::Site,
            upstream: self.site_upstream.clone(),
            group: SITE_GROUP,
            entry: None,
            exchange,
            manner,
            repeatable: is_repeatable(head),
            keep_alive,
            knows_chunks: head.version == 1,
        }))
    }

    fn forwarded(
        &self,
        address: IpAddr,
        host: &str,
        credential: Credential<'_>,
        head: &Head<'_>,
        manner: Manner,
    ) -> Vec<u8> {
        let scheme = self.site.scheme_name();
        headers::forward(
            head,
            &Forwarded { host, address, scheme, request: manner.request, credential },
        )
    }

    fn answer_here(
        &self,
        decision: Decision,
        visitor: &Visitor,
        found: Option<&Found>,
        case: Case<'_>,
    ) -> Judgement {
        let (head, manner) = (case.head, case.manner);
        if let (Decision::SignIn | Decision::Unauthorized | Decision::Bounce, Some(Err(reason))) =
            (decision, found.map(|found| found.workspace.session))
        {
            self.ledger.metrics.count_no_session(reason);
        }
        let answer = match decision {
            Decision::Site => return self.to_site(visitor, case),
            Decision::Refuse(refused) => return self.refused(refused, case),
            Decision::SessionInfo { session, standing } => {
                Answer::session_info(session.as_ref(), standing, manner)
            }
            Decision::Bounce => Answer::bounce(head.target, manner),
            Decision::SignIn => Answer::sign_in(head.target, manner),
            Decision::Unauthorized => Answer::unauthorized(manner),
            Decision::Sprite(_) | Decision::Tunnel(_) => unreachable!("goes to the sprite"),
        };
        Judgement::Answer {
            answer: Box::new(answer),
            keep_alive: manner.keep_alive,
            exchange: case.exchange,
        }
    }

    /// Names one assignment of one sprite to one workspace at one address: its
    /// connections are nobody else's. Keyed, so that no choice of names can make
    /// two of them meet.
    fn group_of(&self, route: &Route) -> u64 {
        let Route { username, upstream, sprite, assignment, .. } = route;
        let group = self.groups.hash_one((username, upstream, sprite, assignment));
        if group == SITE_GROUP { !group } else { group }
    }

    fn refused(&self, refused: Refused, case: Case<'_>) -> Judgement {
        let Case { manner, exchange, .. } = case;
        let answer = Answer::refused(refused, &self.site, manner);
        Judgement::Answer { answer: Box::new(answer), keep_alive: manner.keep_alive, exchange }
    }
}

/// Somebody is looking: a browser says so, and older ones accept HTML.
fn is_navigation(head: &Head<'_>) -> bool {
    let is_read = matches!(head.method, "GET" | "HEAD");
    match head.header("sec-fetch-mode") {
        Some(mode) => mode == "navigate",
        None => is_read && head.header("accept").is_some_and(|kinds| kinds.contains("text/html")),
    }
}

fn is_repeatable(head: &Head<'_>) -> bool {
    head.body == Body::None && matches!(head.method, "GET" | "HEAD" | "OPTIONS" | "PUT" | "DELETE")
}
