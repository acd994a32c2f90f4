//! The gateway's side of a visit: dial, relay, and dial again.

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream::SplitStream;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tracing::{debug, error, info};

use super::dial::{GatewaySocket, dial};
use super::hello::{self, Hello};
use super::ledger::Answered;
use super::notice::{self, Notice};
use super::peek::{Frame, peek};
use super::status::{GatewayStatus, Phase};
use super::visit::{End, Visit};
use crate::backoff::{Backoff, chance};
use crate::metrics::{Direction, LinkOutcome};

/// The first redial is almost at once: most losses are restarts that we hear of anyway.
const REDIAL_FIRST: Duration = Duration::from_millis(250);
const REDIAL_CAP: Duration = Duration::from_secs(15);

/// How a link ended while the page is still there.
#[derive(Debug, PartialEq, Eq)]
enum Loss {
    /// Stopping or dead.
    Gone,
    /// It answers, but does not serve anybody yet.
    NotYet,
    /// It did not take our `connect`: a matter for the operator.
    Refused,
}

/// What one page knows about the gateway, so that it is told of changes only.
struct Outage {
    told: Option<Notice>,
    backoff: Backoff,
    status: watch::Receiver<GatewayStatus>,
}

impl<S> Visit<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    /// Keeps a link to the gateway for as long as the page is there.
    pub(super) async fn serve_gateway(&self) -> End {
        let mut outage = Outage {
            told: None,
            backoff: Backoff::new(REDIAL_FIRST, REDIAL_CAP),
            status: self.agent.gateway.clone(),
        };
        loop {
            let Err(end) = self.link_once(&mut outage).await else { continue };
            return end;
        }
    }

    /// One attempt: wait until it makes sense, dial, relay until the loss, wait a little.
    async fn link_once(&self, outage: &mut Outage) -> Result<(), End> {
        self.until_ready(outage).await?;
        let address = self.agent.config.gateway.address;
        match dial(address, "/ws", None).await {
            Ok(socket) => {
                let (to_gateway, from_gateway) = socket.split();
                *self.gateway.lock().await = Some(to_gateway);
                self.ledger().linked();
                let loss = self.relay(from_gateway, outage).await?;
                self.lose().await?;
                match loss {
                    Loss::Gone => self.inform(outage, Notice::Restarting).await?,
                    Loss::NotYet => {
                        let notice = outage.told.unwrap_or(Notice::Starting);
                        self.inform(outage, notice).await?;
                    }
                    Loss::Refused => {
                        outage.backoff.exhaust();
                        self.inform(outage, Notice::Failed).await?;
                    }
                }
            }
            Err(error) => {
                self.agent.metrics.link(LinkOutcome::Unreachable);
                debug!(error = &error as &dyn std::error::Error, "no link to the gateway");
                let notice = outage.told.unwrap_or(Notice::Restarting);
                self.inform(outage, notice).await?;
            }
        }
        let wait = outage.backoff.failed(chance());
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            // The supervisor knows something new; a wait for the old state is pointless.
            _ = outage.status.changed() => {}
        }
        Ok(())
    }

    /// Waits until the gateway is said to be ready, and tells the page what it waits for.
    async fn until_ready(&self, outage: &mut Outage) -> Result<(), End> {
        loop {
            let notice = match outage.status.borrow_and_update().phase {
                Phase::Ready => return Ok(()),
                Phase::Starting => Notice::Starting,
                Phase::Restarting => Notice::Restarting,
                Phase::Failed => Notice::Failed,
            };
            self.inform(outage, notice).await?;
            outage.backoff.reset();
            if outage.status.changed().await.is_err() {
                // Nobody looks after the gateway any more: the agent is stopping.
                std::future::pending::<()>().await;
            }
        }
    }

    async fn relay(
        &self,
        mut gateway: SplitStream<GatewaySocket>,
        outage: &mut Outage,
    ) -> Result<Loss, End> {
        while let Some(message) = gateway.next().await {
            match message {
                Ok(Message::Text(text)) => {
                    if let Some(loss) = self.relay_frame(text, outage).await? {
                        return Ok(loss);
                    }
                }
                Ok(Message::Close(frame)) => return ended(frame),
                Ok(_) => {}
                Err(error) => {
                    debug!(error = &error as &dyn std::error::Error, "the link broke");
                    break;
                }
            }
        }
        Ok(Loss::Gone)
    }

    async fn relay_frame(&self, text: Utf8Bytes, outage: &mut Outage) -> Result<Option<Loss>, End> {
        let arrived = Instant::now();
        if let Frame::Response { id } = peek(&text) {
            let answered = self.ledger().answered(&id);
            if answered == Answered::Hello {
                return self.greeted(&id, &text, outage).await;
            }
        }
        let size = text.len();
        self.tell(text).await?;
        self.agent.metrics.relayed(Direction::ToPage, size, arrived.elapsed());
        Ok(None)
    }

    async fn greeted(
        &self,
        id: &str,
        text: &str,
        outage: &mut Outage,
    ) -> Result<Option<Loss>, End> {
        match hello::read(text) {
            Hello::Welcome(frame) => {
                self.ledger().opened();
                self.agent.metrics.link(LinkOutcome::Open);
                outage.backoff.reset();
                self.tell(frame.into()).await?;
                if outage.told.take().is_some() {
                    self.tell(Notice::Ready.to_frame().into()).await?;
                }
                Ok(None)
            }
            Hello::NotYet => {
                self.agent.metrics.link(LinkOutcome::NotYet);
                self.tell(notice::unavailable(id).into()).await?;
                Ok(Some(Loss::NotYet))
            }
            Hello::Refused(reason) => {
                self.agent.metrics.link(LinkOutcome::Refused);
                error!("the gateway does not accept our connect: {reason}; trying again later");
                self.tell(notice::refused(id).into()).await?;
                Ok(Some(Loss::Refused))
            }
        }
    }

    /// Answers what the gateway will not answer any more.
    async fn lose(&self) -> Result<(), End> {
        let pending = self.ledger().lost();
        info!(pending = pending.len(), "lost the link to the gateway");
        self.agent.metrics.link_lost();
        *self.gateway.lock().await = None;
        for id in pending {
            self.tell(notice::unavailable(&id).into()).await?;
        }
        Ok(())
    }

    async fn inform(&self, outage: &mut Outage, notice: Notice) -> Result<(), End> {
        if outage.told == Some(notice) {
            return Ok(());
        }
        outage.told = Some(notice);
        self.tell(notice.to_frame().into()).await
    }
}

/// Most closes mean that the gateway restarts, and the page need not notice. A frame that was
/// too big it must hear of, or it would send it again and again.
fn ended(frame: Option<CloseFrame>) -> Result<Loss, End> {
    match frame {
        Some(frame) if frame.code == CloseCode::Size => {
            Err(End::Close { code: 1009, reason: "message too big" })
        }
        Some(frame) => {
            debug!(code = u16::from(frame.code), "the gateway closed the link");
            Ok(Loss::Gone)
        }
        None => Ok(Loss::Gone),
    }
}
