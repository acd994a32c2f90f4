//! The gateway's side of a client session: dial, relay, and dial again.
//!
//! The page's socket outlives any number of losses here. The page is told of
//! each change once, and every request that a lost connection leaves
//! unanswered is answered with `UNAVAILABLE`.

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream::SplitStream;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tracing::{debug, error, info};

use super::client_session::{ClientSession, End};
use super::dial::{GatewaySocket, dial};
use super::hello::{self, Hello};
use super::methods::SCOPES;
use super::notice::{self, Notice};
use super::peek::{Frame, is_suspended, peek};
use super::pending_requests::Answered;
use crate::gateway_status::{GatewayStatus, Phase, Reason};
use crate::metrics::{Direction, LinkOutcome};
use shared::retry::{Backoff, chance};

/// The first redial is almost at once: most losses are restarts that we hear of anyway.
const REDIAL_FIRST: Duration = Duration::from_millis(250);
const REDIAL_CAP: Duration = Duration::from_secs(15);

/// How a connection ended while the page is still there.
#[derive(Debug, PartialEq, Eq)]
enum Loss {
    /// Stopping or dead.
    Gone,
    /// The gateway answers, but accepts no client yet.
    NotYet,
    /// The gateway did not accept the agent's `connect`: the operator has to act.
    Refused,
}

/// Keeps one page connected to the gateway.
pub(super) struct GatewayConnection<'a, S> {
    session: &'a ClientSession<S>,
    /// What the page was told last, while the gateway is away.
    told: Option<(Notice, Reason)>,
    backoff: Backoff,
    status: watch::Receiver<GatewayStatus>,
}

impl<'a, S> GatewayConnection<'a, S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    pub(super) fn new(session: &'a ClientSession<S>) -> Self {
        Self {
            session,
            told: None,
            backoff: Backoff::new(REDIAL_FIRST, REDIAL_CAP),
            status: session.agent.gateway.clone(),
        }
    }

    /// Runs for as long as the page is there.
    pub(super) async fn serve(mut self) -> End {
        loop {
            let Err(end) = self.connect_once().await else { continue };
            return end;
        }
    }

    /// One attempt: wait until it makes sense, dial, relay until the loss, wait a little.
    async fn connect_once(&mut self) -> Result<(), End> {
        self.until_ready().await?;
        let address = self.session.agent.config.gateway.address;
        match dial(address, "/ws", None).await {
            Ok(socket) => {
                let (to_gateway, from_gateway) = socket.split();
                *self.session.gateway.lock().await = Some(to_gateway);
                self.session.has_dialled();
                let loss = self.relay(from_gateway).await?;
                self.lose().await?;
                match loss {
                    Loss::Gone => self.inform(Notice::Restarting).await?,
                    Loss::NotYet => {
                        let notice = self.told.map_or(Notice::Starting, |(notice, _)| notice);
                        self.inform(notice).await?;
                    }
                    Loss::Refused => {
                        self.backoff.exhaust();
                        self.inform(Notice::Failed).await?;
                    }
                }
            }
            Err(error) => {
                self.session.agent.metrics.link(LinkOutcome::Unreachable);
                debug!(error = &error as &dyn std::error::Error, "no connection to the gateway");
                let notice = self.told.map_or(Notice::Restarting, |(notice, _)| notice);
                self.inform(notice).await?;
            }
        }
        let wait = self.backoff.failed(chance());
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            // The supervisor knows something new; a wait for the old state is pointless.
            _ = self.status.changed() => {}
        }
        Ok(())
    }

    /// Waits until the gateway is said to be ready, and tells the page what it waits for.
    async fn until_ready(&mut self) -> Result<(), End> {
        loop {
            let notice = match self.status.borrow_and_update().phase {
                Phase::Ready => return Ok(()),
                Phase::Starting => Notice::Starting,
                Phase::Restarting => Notice::Restarting,
                Phase::Failed => Notice::Failed,
            };
            self.inform(notice).await?;
            self.backoff.reset();
            if self.status.changed().await.is_err() {
                // The supervisor has ended: the agent is stopping.
                std::future::pending::<()>().await;
            }
        }
    }

    async fn relay(&mut self, mut gateway: SplitStream<GatewaySocket>) -> Result<Loss, End> {
        while let Some(message) = gateway.next().await {
            match message {
                Ok(Message::Text(text)) => {
                    if let Some(loss) = self.relay_frame(text).await? {
                        return Ok(loss);
                    }
                }
                Ok(Message::Close(frame)) => return ended(frame),
                Ok(_) => {}
                Err(error) => {
                    debug!(error = &error as &dyn std::error::Error, "the connection broke");
                    break;
                }
            }
        }
        Ok(Loss::Gone)
    }

    async fn relay_frame(&mut self, text: Utf8Bytes) -> Result<Option<Loss>, End> {
        let arrived = Instant::now();
        if let Frame::Response { id } = peek(&text) {
            let answered = self.session.requests().answered(&id);
            match answered {
                Answered::Hello => return self.greeted(&id, &text).await,
                Answered::Ordinary if is_suspended(&text) => {
                    self.session.agent.awake.found_closed();
                }
                Answered::Ordinary => {}
                // A second hello, for one, has what the first one was relieved of.
                Answered::Unasked => {
                    debug!("dropped an answer that the page does not wait for");
                    return Ok(None);
                }
            }
        }
        let size = text.len();
        self.session.tell(text).await?;
        self.session.agent.metrics.relayed(Direction::ToPage, size, arrived.elapsed());
        Ok(None)
    }

    async fn greeted(&mut self, id: &str, text: &str) -> Result<Option<Loss>, End> {
        match hello::read(text, SCOPES) {
            Hello::Welcome(frame) => {
                self.session.requests().opened();
                self.session.agent.metrics.link(LinkOutcome::Open);
                self.backoff.reset();
                self.session.tell(frame.into()).await?;
                if self.told.take().is_some() {
                    self.session.tell(Notice::Ready.to_frame(Reason::Ready).into()).await?;
                }
                Ok(None)
            }
            Hello::NotYet => {
                self.session.agent.metrics.link(LinkOutcome::NotYet);
                self.session.tell(notice::not_yet(id).into()).await?;
                Ok(Some(Loss::NotYet))
            }
            Hello::Refused(reason) => {
                self.session.agent.metrics.link(LinkOutcome::Refused);
                error!(
                    "the gateway does not accept the agent's connect: {reason}; trying again later"
                );
                self.session.tell(notice::refused(id).into()).await?;
                Ok(Some(Loss::Refused))
            }
        }
    }

    /// Answers what the gateway will not answer any more.
    async fn lose(&self) -> Result<(), End> {
        let pending = self.session.requests().lost();
        info!(pending = pending.len(), "lost the connection to the gateway");
        self.session.agent.metrics.link_lost();
        *self.session.gateway.lock().await = None;
        for id in pending {
            self.session.tell(notice::unavailable(&id).into()).await?;
        }
        Ok(())
    }

    async fn inform(&mut self, notice: Notice) -> Result<(), End> {
        let reason = notice.reason(self.status.borrow().reason);
        if self.told == Some((notice, reason)) {
            return Ok(());
        }
        self.told = Some((notice, reason));
        self.session.tell(notice.to_frame(reason).into()).await
    }
}

/// Most closes mean that the gateway restarts, and the page need not notice. A frame that was
/// too big the page must hear of, or it would send it again and again.
fn ended(frame: Option<CloseFrame>) -> Result<Loss, End> {
    match frame {
        Some(frame) if frame.code == CloseCode::Size => {
            Err(End::Close { code: 1009, reason: "message too big" })
        }
        Some(frame) => {
            debug!(code = u16::from(frame.code), "the gateway closed the connection");
            Ok(Loss::Gone)
        }
        None => Ok(Loss::Gone),
    }
}
