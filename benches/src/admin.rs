//! The edge's private API as control uses it: a whole table, then one change after the other.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde::Serialize;
use serde::de::DeserializeOwned;
use shared::wire::{Applied, ChangesRequest, GenerationState, TableHead, TableLine};
use shared::{Change, Checksum, Generation, Route};

use crate::http::Connection;

/// Bytes of a table that are sent at once.
const PIECE_BYTES: usize = 64 * 1024;

pub struct Admin {
    connection: Connection,
    head: String,
    generation: Generation,
    checksum: Checksum,
}

impl Admin {
    /// # Errors
    /// When nobody listens there.
    pub async fn open(address: SocketAddr, token: &str) -> anyhow::Result<Self> {
        let connection = Connection::open(address).await.context("reaching the private API")?;
        let head = format!("Host: {address}\r\nAuthorization: Bearer {token}\r\n");
        let (generation, checksum) = Default::default();
        Ok(Self { connection, head, generation, checksum })
    }

    /// Sends a whole table, in pieces: a million routes need not be in memory here.
    ///
    /// # Errors
    /// Quotes the edge when it refuses the table.
    pub async fn send_table(
        &mut self,
        routes: impl Iterator<Item = Route> + Clone,
    ) -> anyhow::Result<Applied> {
        self.generation.0 += 1;
        let (count, checksum) =
            routes.clone().fold((0, Checksum::default()), |(count, sum), route| {
                (count + 1, sum.with_route(&route))
            });
        self.checksum = checksum;
        let request = format!(
            "PUT /v1/table HTTP/1.1\r\n{}Content-Type: application/x-ndjson\r\n\
             Transfer-Encoding: chunked\r\n\r\n",
            self.head
        );
        self.connection.send(request.as_bytes()).await?;
        let generation = self.generation;
        let mut piece = Vec::with_capacity(PIECE_BYTES + 1024);
        append_line(&mut piece, &TableHead { generation, routes: count, locks: 0, checksum })?;
        for route in routes {
            append_line(&mut piece, &TableLine::Route(route))?;
            if piece.len() >= PIECE_BYTES {
                self.send_chunk(&piece).await?;
                piece.clear();
            }
        }
        self.send_chunk(&piece).await?;
        self.connection.send(b"0\r\n\r\n").await?;
        self.answer("the table").await
    }

    /// Asks the edge where it stands: for a connection that has not sent the table itself.
    ///
    /// # Errors
    /// When the edge does not say.
    pub async fn follow(&mut self) -> anyhow::Result<()> {
        let request = format!("GET /v1/generation HTTP/1.1\r\n{}\r\n", self.head);
        self.connection.send(request.as_bytes()).await?;
        let state: GenerationState = self.answer("a look at the generation").await?;
        (self.generation, self.checksum) = (state.generation, state.checksum);
        Ok(())
    }

    /// Puts `after` in the place of `before`; says how long it took until it was answered for.
    ///
    /// # Errors
    /// Quotes the edge when it refuses the change.
    pub async fn put(
        &mut self,
        before: Option<&Route>,
        after: Route,
    ) -> anyhow::Result<(Applied, Duration)> {
        let rest = before.map_or(self.checksum, |before| self.checksum.without_route(before));
        self.change(rest.with_route(&after), Change::Put(after)).await
    }

    /// Takes `route` away; says how long it took until it was answered for.
    ///
    /// # Errors
    /// Quotes the edge when it refuses the change.
    pub async fn remove(&mut self, route: &Route) -> anyhow::Result<(Applied, Duration)> {
        self.change(self.checksum.without_route(route), Change::Remove(route.username)).await
    }

    async fn change(
        &mut self,
        checksum: Checksum,
        change: Change,
    ) -> anyhow::Result<(Applied, Duration)> {
        let base = self.generation;
        self.generation.0 += 1;
        self.checksum = checksum;
        let (generation, changes) = (self.generation, vec![change]);
        let body = ChangesRequest { base, generation, checksum: Some(checksum), changes };
        let body = serde_json::to_string(&body)?;
        let request = format!(
            "POST /v1/changes HTTP/1.1\r\n{}Content-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.head,
            body.len()
        );
        let started = Instant::now();
        self.connection.send(request.as_bytes()).await?;
        let applied = self.answer("a change").await?;
        Ok((applied, started.elapsed()))
    }

    async fn send_chunk(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.connection.send(format!("{:x}\r\n", bytes.len()).as_bytes()).await?;
        self.connection.send(bytes).await?;
        Ok(self.connection.send(b"\r\n").await?)
    }

    async fn answer<T: DeserializeOwned>(&mut self, subject: &str) -> anyhow::Result<T> {
        let answer = self.connection.receive().await;
        let answer = answer.with_context(|| format!("waiting for the answer to {subject}"))?;
        if answer.status != 200 {
            let body = String::from_utf8_lossy(answer.body);
            bail!("the edge answered {} to {subject}: {body}", answer.status);
        }
        serde_json::from_slice(answer.body).with_context(|| format!("the answer to {subject}"))
    }
}

fn append_line(piece: &mut Vec<u8>, line: &impl Serialize) -> anyhow::Result<()> {
    serde_json::to_writer(&mut *piece, line)?;
    piece.push(b'\n');
    Ok(())
}
