//! Puts a request before [`decide`] with everything that is known, and prepares
//! what the decision needs. Nothing here waits.

use std::net::IpAddr;
use std::sync::Arc;

use ahash::RandomState;
use shared::identity::Identity;
use shared::join::CONTROLS_MAX;
use shared::process::time::unix_millis;
use shared::{Host, PublicSite, Route, Session, SessionId, Upstream, Username};

use super::client::ClientState;
use super::context::RequestContext;
use super::decision::{Decision, Workspace, decide};
use super::overlong::cookie_names;
use super::{session, telegram};
use crate::client_stream::ClientStream;
use crate::connections::{Access, ConnectionRegistry, Entry, Kind, RevocationEpoch};
use crate::domains::Domains;
use crate::forward::{Offer, TargetKind, UpstreamRequest};
use crate::head::{Body, Head, HeadError, NO_HEADERS};
use crate::keys::KeyFile;
use crate::lifecycle::Lifecycle;
use crate::limits::{Limits, Turn};
use crate::observe::labels::Limit;
use crate::observe::{RequestRecord, Telemetry, random_request_id};
use crate::policy::request::{self, Credential, Forwarded};
use crate::respond::{Refusal, Response, ResponseOptions};
use crate::routes::Routes;
use crate::tunnel::{Patience, Tunnel};
use crate::upstream::Controls;
use crate::waking::{Sprite, Waking};

pub(crate) struct RequestHandler {
    pub site: Arc<PublicSite>,
    pub(crate) controls: Arc<Controls>,
    pub keys: Arc<KeyFile>,
    pub routes: Arc<Routes>,
    pub domains: Arc<Domains>,
    pub registry: Arc<ConnectionRegistry>,
    pub limits: Arc<Limits>,
    pub telemetry: Arc<Telemetry>,
    pub groups: RandomState,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) waking: Arc<Waking>,
}

/// What is to be done about a request.
pub(crate) enum RequestAction {
    Respond { response: Box<Response>, keep_alive: bool, record: RequestRecord },
    Forward(Box<ForwardRequest>),
    Upgrade(Box<UpgradeRequest>),
}

/// A request that goes on to a sprite or to control.
pub(crate) struct ForwardRequest {
    pub upstream: UpstreamRequest,
    /// Its place among what a revocation ends; control's answers are not ended.
    pub entry: Option<Entry>,
    /// Its place among the workspace's requests that are under way.
    pub(crate) turn: Option<Turn>,
    /// Asks for events, which go on for as long as the client likes.
    pub(crate) is_stream: bool,
    pub record: RequestRecord,
    pub options: ResponseOptions,
}

/// A WebSocket that was decided for and not yet opened.
pub(crate) struct UpgradeRequest {
    pub(crate) upstream: UpstreamRequest,
    pub(crate) tunnel: Tunnel,
    pub(crate) options: ResponseOptions,
}

/// What the table says of the workspace a request is for.
struct Found {
    route: Arc<Route>,
    epoch: RevocationEpoch,
    workspace: Workspace,
}

impl RequestHandler {
    /// For a client that has just connected.
    pub(crate) fn client(&self, stream: &ClientStream) -> ClientState {
        ClientState::new(stream, self.keys.present())
    }

    pub(crate) fn site(&self) -> &PublicSite {
        &self.site
    }

    pub(crate) fn is_ours(&self, host: &str) -> bool {
        self.site.classify(host) != Host::Unknown || self.domains.find(host).is_some()
    }

    /// Decides about one whole head. `has_more` says that bytes follow it already,
    /// `draining` that the edge is about to end.
    ///
    /// # Errors
    /// The request means nothing, or two things; the connection must end.
    pub(crate) fn handle(
        &self,
        client: &mut ClientState,
        bytes: &[u8],
        has_more: bool,
        draining: bool,
    ) -> Result<RequestAction, HeadError> {
        let mut slots = NO_HEADERS;
        let head = Head::parse(bytes, &mut slots)?;
        // Bytes sent before the 101 would go through the tunnel unasked (CVE-2026-2833).
        if head.websocket.is_some() && (has_more || head.body != Body::None) {
            return Err(HeadError::EarlyBytes);
        }
        client.comes_with(&head);
        let request = random_request_id();
        let now = unix_millis();
        let record = RequestRecord::begin(&self.telemetry, request, &client.arrival, &head, now);
        // Domains of customers are looked for where the host is none of ours.
        let (host, domain) = match self.site.classify(head.host) {
            Host::Unknown => match self.domains.find(head.host) {
                Some(served) => (Host::Workspace(served.username), Some(served)),
                None => (Host::Unknown, None),
            },
            ours => (ours, None),
        };
        let context = RequestContext::new(&head, domain, record, draining, now / 1_000);
        if !self.limits.allows_address(client.arrival.address) {
            self.telemetry.metrics.count_limited(Limit::RequestsPerAddress);
            return Ok(self.refuse(Refusal::TooManyRequests, context));
        }
        let max_bytes = self.limits.configured().body_max_bytes;
        if matches!(head.body, Body::Length(length) if length > max_bytes) {
            self.telemetry.metrics.count_limited(Limit::Body);
            return Ok(self.refuse(Refusal::BodyTooLarge, context));
        }
        if context.is_page_elsewhere()
            && let Some(origin) = context.origin(&self.site, &host)
        {
            let location = format!("{origin}{}", head.target);
            return Ok(answer(Response::moved(location, context.options), context));
        }
        Ok(self.act(client, host, context))
    }

    fn act(
        &self,
        client: &mut ClientState,
        host: Host,
        context: RequestContext<'_>,
    ) -> RequestAction {
        loop {
            let name = if let Host::Workspace(name) = host { Some(name) } else { None };
            let found = name.and_then(|name| self.find(client, &context, &name));
            if found.is_none() && name.is_some() && !self.routes.is_ready() {
                return self.refuse(Refusal::NotReady, context);
            }
            let facts = context.facts(&self.site, &host, &client.keys.ring);
            let decision = decide(host, &facts, found.as_ref().map(|found| &found.workspace));
            let (session, kind) = match decision {
                Decision::Sprite(session) => (Some(session), Kind::Request),
                Decision::Tunnel(session) => (Some(session), Kind::Socket),
                Decision::Telegram => (None, Kind::Request),
                other => return self.respond(other, client, found.as_ref(), context),
            };
            let found = found.expect("only a workspace that was found reaches its sprite");
            let name = &found.route.username;
            let turn = match session {
                Some(_) => self.turn(name, kind),
                None => self.telegram_turn(name, &context),
            };
            let turn = match turn {
                Ok(turn) => turn,
                Err(refusal) => return self.refuse(refusal, context),
            };
            let key = session.map(|_| client.token.key().expect("a session has shown its token"));
            let session = session.unwrap_or_else(|| telegram::stand_in(&found.route, context.now));
            let access = Access {
                session: session.id,
                session_epoch: session.epoch,
                key: key.unwrap_or_else(|| client.keys.ring.current().clone()),
                expires: session.expires,
            };
            match self.registry.enter(found.epoch, access, kind) {
                Some(entry) => {
                    let place = (entry, turn);
                    return self.to_sprite(client, &found.route, &session, kind, place, context);
                }
                // Something was revoked since we looked: look again.
                None => continue,
            }
        }
    }

    /// A place for one more of `kind`, if the workspace has not too much of it.
    fn turn(&self, name: &Username, kind: Kind) -> Result<Option<Turn>, Refusal> {
        let Telemetry { metrics, .. } = &*self.telemetry;
        if !self.limits.allows_workspace(name) {
            metrics.count_limited(Limit::RequestsPerWorkspace);
            return Err(Refusal::TooManyRequests);
        }
        if kind == Kind::Request {
            return self.limits.turn(name).map(Some).ok_or_else(|| {
                metrics.count_limited(Limit::RequestsInFlight);
                Refusal::TooManyRequests
            });
        }
        if self.registry.sockets_of(name) >= self.limits.configured().sockets_per_workspace {
            metrics.count_limited(Limit::Sockets);
            return Err(Refusal::TooManySockets);
        }
        Ok(None)
    }

    /// The same for a call of Telegram's, which takes nothing of what the customer has.
    fn telegram_turn(
        &self,
        name: &Username,
        context: &RequestContext<'_>,
    ) -> Result<Option<Turn>, Refusal> {
        if telegram::is_too_long(context.head) {
            return Err(Refusal::BodyTooLarge);
        }
        self.limits.telegram_turn(name).map(Some).ok_or_else(|| {
            self.telemetry.metrics.count_limited(Limit::Telegram);
            Refusal::TooManyRequests
        })
    }

    fn find(
        &self,
        client: &mut ClientState,
        context: &RequestContext<'_>,
        name: &Username,
    ) -> Option<Found> {
        let RequestContext { head, now, ref domain, .. } = *context;
        let epoch = self.registry.revocation_epoch(name);
        // Behind the epoch, as a domain that is taken away later ends what enters by it.
        if context.domain.as_ref().is_some_and(|domain| !self.domains.serves(domain)) {
            return None;
        }
        // Behind the epoch: a ring that is read later finds what enters by this one.
        client.use_keys(self.keys.present());
        // One look, so that all of it is of one generation.
        let tables = self.routes.look();
        let route = tables.route(name)?;
        let locks = tables.locks_of(name);
        let is_locked = |session: Option<&SessionId>| {
            locks.as_ref().is_some_and(|locks| locks.refuse(session, now))
        };
        let is_signed_out = |session: &Session| is_locked(Some(&session.id));
        let ClientState { keys, token, .. } = client;
        let sessions = &keys.sessions;
        let host = (name, domain.as_ref().map(|served| &served.domain));
        let session =
            session::check_session(sessions, token, head, host, route.epoch, is_signed_out, now);
        let locked = is_locked(None);
        let is_telegram = telegram::is_call(head, &keys.ring, &route);
        let workspace = Workspace { state: route.state, locked, session, is_telegram };
        Some(Found { route, epoch, workspace })
    }

    fn to_sprite(
        &self,
        client: &mut ClientState,
        route: &Arc<Route>,
        session: &Session,
        kind: Kind,
        (entry, turn): (Entry, Option<Turn>),
        context: RequestContext<'_>,
    ) -> RequestAction {
        let identity = Identity::of(route, session.id, context.options.request, context.now);
        let make = |route: &Route| {
            let group = self.group_of(route);
            (group, self.waking.sprite(group, &route.upstream))
        };
        let (key, group, sprite) = client.of_assignment(route, make);
        let signed = key.sign(&identity);
        let credential = Credential::Identity(&signed);
        let host = Host::Workspace(route.username);
        let is_own = |said: &&str| context.is_own_origin(&self.site, &host, said);
        let origin = context.head.header("origin").filter(is_own);
        // The machine knows one origin of its own, wherever the customer comes in.
        let origin = origin.map(|_| self.site.workspace_url(&route.username));
        let to = (route.upstream.authority(), origin.as_deref());
        let head = self.forwarded(client.arrival.address, to, credential, &context);
        let target = (TargetKind::Sprite(route.username), route.upstream.clone());
        let upstream = to_upstream(head, target, (group, Some(sprite)), &context);
        if kind == Kind::Request {
            return forward(upstream, (Some(entry), turn), context);
        }
        let limits = self.limits.configured();
        let patience = Patience {
            idle: limits.socket_idle,
            stall: limits.write_timeout,
            ping: limits.socket_ping,
        };
        let (record, lifecycle) = (context.record, self.lifecycle.clone());
        let tunnel = Tunnel { entry, record, patience, lifecycle };
        let options = ResponseOptions { keep_alive: false, ..context.options };
        RequestAction::Upgrade(Box::new(UpgradeRequest { upstream, tunnel, options }))
    }

    fn to_site(&self, client: &ClientState, context: RequestContext<'_>) -> RequestAction {
        let credential = Credential::SiteHop(client.keys.site_hop.expose());
        // Control tells the site and the workspaces apart by the public host.
        let to = (&*context.host, None);
        let head = self.forwarded(client.arrival.address, to, credential, &context);
        let control = self.controls.present();
        let target = (TargetKind::Site, control.upstream.clone());
        let upstream = to_upstream(head, target, (control.group, None), &context);
        forward(upstream, (None, None), context)
    }

    fn forwarded(
        &self,
        address: IpAddr,
        (host, origin): (&str, Option<&str>),
        credential: Credential<'_>,
        context: &RequestContext<'_>,
    ) -> Vec<u8> {
        let forwarded = Forwarded {
            host,
            public_host: &context.host,
            origin,
            address,
            scheme: self.site.scheme_name(),
            request: context.options.request,
            traceparent: context.record.traceparent(),
            credential,
        };
        request::forward(context.head, &forwarded)
    }

    fn respond(
        &self,
        decision: Decision,
        client: &ClientState,
        found: Option<&Found>,
        context: RequestContext<'_>,
    ) -> RequestAction {
        let (head, options) = (context.head, context.options);
        if let (Decision::SignIn | Decision::Unauthorized | Decision::Bounce, Some(Err(reason))) =
            (decision, found.map(|found| found.workspace.session))
        {
            self.telemetry.metrics.count_no_session(reason.label());
        }
        let response = match decision {
            Decision::Site => return self.to_site(client, context),
            Decision::Refuse(refusal) => return self.refuse(refusal, context),
            Decision::SessionInfo { session, status } => {
                Response::session_info(session.as_ref(), status, options)
            }
            Decision::Bounce => Response::bounce(head.target, options),
            Decision::SignIn => Response::sign_in(head.target, options),
            Decision::Unauthorized => Response::unauthorized(options),
            Decision::MachineInfo => {
                let route = &found.expect("only a workspace that was found has one").route;
                let sprite = self.waking.sprite(self.group_of(route), &route.upstream);
                Response::machine(self.waking.look(&sprite), options)
            }
            Decision::ClearCookies => {
                Response::cookies_cleared(cookie_names(head.cookies()), &self.site, options)
            }
            Decision::Depart { departure, forgets } => {
                let next =
                    context.next_host(departure, &self.site, &self.domains, &client.keys.ring);
                let page = || departure.page_url(&self.site);
                let url = next.filter(|_| forgets).unwrap_or_else(page);
                Response::departure(url, forgets, options)
            }
            Decision::Sprite(_) | Decision::Tunnel(_) | Decision::Telegram => {
                unreachable!("goes to the sprite")
            }
        };
        answer(response, context)
    }

    /// Names one assignment of one sprite to one workspace at one address: its
    /// connections are nobody else's. Keyed, so that no choice of names can make
    /// two of them meet.
    fn group_of(&self, route: &Route) -> u64 {
        let group = self.groups.hash_one((route.username, route.machine()));
        if group < CONTROLS_MAX as u64 { !group } else { group }
    }

    fn refuse(&self, refusal: Refusal, context: RequestContext<'_>) -> RequestAction {
        let response = Response::refused(refusal, &self.site, context.options);
        answer(response, context)
    }
}

fn answer(response: Response, context: RequestContext<'_>) -> RequestAction {
    let RequestContext { options, record, .. } = context;
    RequestAction::Respond { response: Box::new(response), keep_alive: options.keep_alive, record }
}

fn to_upstream(
    head: Vec<u8>,
    (kind, upstream): (TargetKind, Upstream),
    (group, sprite): (u64, Option<Arc<Sprite>>),
    context: &RequestContext<'_>,
) -> UpstreamRequest {
    let received = context.head;
    let repeatable = context.is_repeatable();
    UpstreamRequest {
        head,
        kind,
        upstream,
        group,
        id: context.options.request,
        body: received.body,
        head_only: context.options.head_only,
        repeatable,
        // Whatever follows an upgrade that was refused comes on another connection.
        keep_alive: context.keep_alive && received.websocket.is_none(),
        expects_continue: received.expects_continue,
        knows_chunks: received.version == 1,
        sprite,
        is_page: context.options.page.is_some() && repeatable,
        offer: Offer::of(received),
    }
}

fn forward(
    upstream: UpstreamRequest,
    (entry, turn): (Option<Entry>, Option<Turn>),
    context: RequestContext<'_>,
) -> RequestAction {
    let RequestContext { head, options, record, .. } = context;
    let is_stream = head.header("accept") == Some("text/event-stream");
    let request = ForwardRequest { upstream, entry, turn, is_stream, record, options };
    RequestAction::Forward(Box::new(request))
}
