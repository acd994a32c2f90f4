//! What pingora's proxy needs to know of us. The front door has decided
//! already and written the head; here a request only finds its server, and what
//! comes back is held against a few rules.

use std::any::Any;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::proxy::{FailToProxy, ProxyHttp, Session};
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorSource, ErrorType, Result};
use shared::{PublicSite, Upstream};
use tracing::debug;

use crate::answer::{Answer, Manner};
use crate::cookies;
use crate::decision::Refused;
use crate::exchange::Exchange;
use crate::metrics::Source;

/// A decided request on its way through pingora.
pub struct Passage {
    pub exchange: Exchange,
    pub target: Target,
    pub manner: Manner,
    /// Bytes of the body that may still come.
    pub body_left: u64,
}

/// Where a request goes.
pub struct Target {
    pub kind: TargetKind,
    pub upstream: Upstream,
    pub address: SocketAddr,
    /// Connections are shared within one group only: one workspace's assignment, or the site.
    pub group: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetKind {
    Sprite,
    Site,
}

/// Time limits on the way to a sprite or to control.
#[derive(Debug, Clone, Copy)]
pub struct PeerLimits {
    pub connect: Duration,
    pub read: Duration,
    pub idle: Duration,
}

pub struct Proxy {
    pub site: Arc<PublicSite>,
    pub limits: PeerLimits,
}

/// Filled by `on_connection_reuse`, which is how pingora hands over what the front door gave it.
type Context = Option<Box<Passage>>;

const GIVEN: &str = "the front door gives every request its passage";

#[async_trait]
impl ProxyHttp for Proxy {
    type CTX = Context;

    fn new_ctx(&self) -> Context {
        None
    }

    /// None: the default one compresses, and costs time on every request.
    fn init_downstream_modules(&self, _modules: &mut pingora::modules::http::HttpModules) {}

    fn on_connection_reuse(
        &self,
        _session: &mut Session,
        context: &mut Context,
        given: Box<dyn Any + Send + Sync>,
    ) {
        *context = given.downcast().ok();
    }

    async fn upstream_peer(
        &self,
        _session: &mut Session,
        context: &mut Context,
    ) -> Result<Box<HttpPeer>> {
        let target = &context.as_ref().expect(GIVEN).target;
        let upstream = &target.upstream;
        let name = if upstream.is_tls() { upstream.host_name().to_owned() } else { String::new() };
        let mut peer = HttpPeer::new(target.address, upstream.is_tls(), name);
        peer.group_key = target.group;
        peer.options.connection_timeout = Some(self.limits.connect);
        peer.options.total_connection_timeout = Some(self.limits.connect * 2);
        peer.options.read_timeout = Some(self.limits.read);
        peer.options.write_timeout = Some(self.limits.read);
        peer.options.idle_timeout = Some(self.limits.idle);
        Ok(Box::new(peer))
    }

    async fn upstream_request_filter(
        &self,
        _session: &mut Session,
        _request: &mut RequestHeader,
        context: &mut Context,
    ) -> Result<()> {
        context.as_mut().expect(GIVEN).exchange.sent();
        Ok(())
    }

    async fn request_body_filter(
        &self,
        _session: &mut Session,
        body: &mut Option<Bytes>,
        _end_of_stream: bool,
        context: &mut Context,
    ) -> Result<()> {
        let Some(bytes) = body else { return Ok(()) };
        let passage = context.as_mut().expect(GIVEN);
        match passage.body_left.checked_sub(bytes.len() as u64) {
            Some(left) => {
                passage.body_left = left;
                Ok(())
            }
            None => Error::e_explain(ErrorType::HTTPStatus(413), "the body is too large"),
        }
    }

    async fn response_filter(
        &self,
        _session: &mut Session,
        response: &mut ResponseHeader,
        context: &mut Context,
    ) -> Result<()> {
        let passage = context.as_mut().expect(GIVEN);
        let source = match passage.target.kind {
            TargetKind::Sprite => {
                keep_to_itself(response)?;
                Source::Sprite
            }
            TargetKind::Site => Source::Site,
        };
        if !response.status.is_informational() {
            passage.exchange.answered(source, response.status.as_u16());
            let request = passage.manner.request.to_string();
            response.insert_header(shared::request_id::REQUEST_ID_HEADER, request)?;
        }
        Ok(())
    }

    async fn fail_to_proxy(
        &self,
        session: &mut Session,
        error: &Error,
        context: &mut Context,
    ) -> FailToProxy {
        let Some(passage) = context.as_mut() else {
            return FailToProxy { error_code: 500, can_reuse_downstream: false };
        };
        let kind = passage.target.kind;
        let Some(refused) = refusal_of(error, kind) else {
            passage.exchange.failed(Source::Visitor);
            return FailToProxy { error_code: 0, can_reuse_downstream: false };
        };
        let source = match (refused, kind) {
            (Refused::BodyTooLarge, _) => Source::Visitor,
            (_, TargetKind::Sprite) => Source::Sprite,
            (_, TargetKind::Site) => Source::Site,
        };
        debug!(request = %passage.manner.request, %error, "a request could not be passed on");
        let manner = Manner { keep_alive: false, ..passage.manner };
        let answer = Answer::refused(refused, &self.site, manner);
        // After the head of an answer only the end of the connection can tell of a failure.
        if session.response_written().is_none() {
            passage.exchange.answered(source, answer.status);
            if write(session, &answer).await.is_err() {
                passage.exchange.failed(Source::Visitor);
            }
        } else {
            passage.exchange.failed(source);
        }
        FailToProxy { error_code: answer.status, can_reuse_downstream: false }
    }

    fn suppress_error_log(&self, _session: &Session, _context: &Context, _error: &Error) -> bool {
        // Counted and in the access log; a visitor who leaves is no news.
        true
    }
}

/// `None` when the visitor is gone and nobody is there to be answered.
fn refusal_of(error: &Error, kind: TargetKind) -> Option<Refused> {
    use ErrorType::{ConnectTimedout, HTTPStatus, ReadTimedout, TLSHandshakeTimedout};
    match (error.etype(), error.esource(), kind) {
        (HTTPStatus(413), _, _) => Some(Refused::BodyTooLarge),
        (_, ErrorSource::Downstream, _) => None,
        (_, _, TargetKind::Site) => Some(Refused::SiteUnreachable),
        (ConnectTimedout | ReadTimedout | TLSHandshakeTimedout, _, _) => {
            Some(Refused::SpriteTimeout)
        }
        _ => Some(Refused::SpriteUnreachable),
    }
}

/// A sprite's answer must not reach beyond its own workspace.
fn keep_to_itself(response: &mut ResponseHeader) -> Result<()> {
    response.remove_header("service-worker-allowed");
    // It would sign the visitor out of the site and of every other workspace.
    response.remove_header("clear-site-data");
    if !response.headers.contains_key("set-cookie") {
        return Ok(());
    }
    let cookies: Vec<_> = response.headers.get_all("set-cookie").iter().cloned().collect();
    response.remove_header("set-cookie");
    let allowed = |cookie: &str| cookies::sprite_may_set(cookie);
    for cookie in cookies.iter().filter(|cookie| cookie.to_str().is_ok_and(allowed)) {
        response.append_header("set-cookie", cookie)?;
    }
    Ok(())
}

async fn write(session: &mut Session, answer: &Answer) -> Result<()> {
    let mut head = ResponseHeader::build(answer.status, Some(answer.headers.len()))?;
    for (name, value) in &answer.headers {
        head.insert_header(*name, value)?;
    }
    session.set_keepalive(None);
    session.write_response_header(Box::new(head), false).await?;
    session.write_response_body(Some(Bytes::from(answer.body.clone())), true).await
}
