//! Takes spans from where requests leave them to the collector.

use std::sync::Arc;
use std::thread;

use anyhow::{Context as _, bail};
use axum::body::Body;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, header};
use hyper_util::rt::TokioIo;
use prometheus::IntCounter;
use shared::{AddressPolicy, Upstream};
use tokio::time::{sleep, timeout};
use tracing::{error, info};

use super::config::OtlpConfig;
use super::message::message;
use crate::limits::{
    SPANS_ANSWER_MAX_BYTES, SPANS_BATCH_MAX, SPANS_BATCH_WAIT, SPANS_CONNECT_TIMEOUT,
    SPANS_EXPORT_TIMEOUT,
};
use crate::observe::{Span, SpanQueue};
use crate::upstream::{Connector, Purpose, Resolver};

pub(crate) struct Exporter {
    endpoint: Upstream,
    connector: Connector,
    connection: Option<SendRequest<Body>>,
    dropped: IntCounter,
    /// Has the last batch failed? Said once, not with each.
    is_failing: bool,
}

impl Exporter {
    /// Takes what comes through `spans`, for as long as the process lives. `dropped` counts
    /// what the collector did not take.
    ///
    /// # Errors
    /// When no certificate can be loaded.
    pub(crate) fn start(
        config: &OtlpConfig,
        spans: SpanQueue,
        dropped: IntCounter,
    ) -> anyhow::Result<()> {
        let OtlpConfig { endpoint, ca_file } = config;
        // The operator's own: no policy for the addresses of sprites is meant for it.
        let resolver = Resolver::new(AddressPolicy::default(), std::slice::from_ref(endpoint));
        let connector =
            Connector::new(Arc::new(resolver), ca_file.as_deref(), SPANS_CONNECT_TIMEOUT)?;
        let endpoint = endpoint.clone();
        let exporter = Self { endpoint, connector, connection: None, dropped, is_failing: false };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("making room for the export of spans")?;
        thread::Builder::new()
            .name("otlp".into())
            .spawn(move || runtime.block_on(exporter.run(spans)))
            .context("starting the export of spans")?;
        Ok(())
    }

    async fn run(mut self, mut spans: SpanQueue) {
        let mut batch = Vec::new();
        while spans.recv_many(&mut batch, SPANS_BATCH_MAX).await > 0 {
            if batch.len() < SPANS_BATCH_MAX {
                // A moment for more: meanwhile nobody has to wake us.
                sleep(SPANS_BATCH_WAIT).await;
                while batch.len() < SPANS_BATCH_MAX
                    && let Ok(span) = spans.try_recv()
                {
                    batch.push(span);
                }
            }
            self.export(&batch).await;
            batch.clear();
        }
    }

    async fn export(&mut self, batch: &[Span]) {
        let sent = timeout(SPANS_EXPORT_TIMEOUT, self.send(batch)).await;
        let sent = sent.unwrap_or_else(|_| Err(anyhow::anyhow!("it did not answer in time")));
        match sent {
            Ok(()) if self.is_failing => {
                self.is_failing = false;
                info!(collector = %self.endpoint, "the collector takes spans again");
            }
            Ok(()) => {}
            Err(error) => {
                self.connection = None;
                self.dropped.inc_by(batch.len() as u64);
                if !std::mem::replace(&mut self.is_failing, true) {
                    let collector = &self.endpoint;
                    error!(%collector, "the collector takes no spans, which are dropped: {error:#}");
                }
            }
        }
    }

    async fn send(&mut self, batch: &[Span]) -> anyhow::Result<()> {
        let request = Request::post("/v1/traces")
            .header(header::HOST, self.endpoint.authority())
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(message(batch)))
            .context("writing a request")?;
        let answer = self.connection().await?.send_request(request).await;
        let answer = answer.context("asking the collector")?;
        let status = answer.status();
        // Whatever it says is not for us; the connection cannot be used before it is read.
        axum::body::to_bytes(Body::new(answer.into_body()), SPANS_ANSWER_MAX_BYTES)
            .await
            .context("reading the collector's answer")?;
        if !status.is_success() {
            bail!("it has answered {status}");
        }
        Ok(())
    }

    /// The one that is there, or a new one.
    async fn connection(&mut self) -> anyhow::Result<&mut SendRequest<Body>> {
        if let Some(connection) = &mut self.connection
            && connection.ready().await.is_err()
        {
            self.connection = None;
        }
        if self.connection.is_none() {
            let stream = self.connector.connect(&self.endpoint, Purpose::Requests).await?;
            let (connection, driver) = http1::handshake(TokioIo::new(stream)).await?;
            tokio::spawn(driver);
            self.connection = Some(connection);
        }
        self.connection.as_mut().context("it was just made")
    }
}
