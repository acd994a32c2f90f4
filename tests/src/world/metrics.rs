//! What the programs count, kept where the search for secrets looks.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Context as _, ensure};

use super::World;
use crate::Program;
use crate::wait::DEADLINE;

/// Many times what any program of ours has to tell.
const ANSWER_MAX_BYTES: u64 = 16 << 20;

impl World {
    /// Writes the metrics of every program that still runs to `metrics-NAME`, and says
    /// which of them could not be had.
    pub(super) fn save_metrics(&self) -> Vec<String> {
        let controls =
            self.controls().map(|control| (&control.program, control.api(), control.admin_key()));
        let edges = self.edges.iter().map(|edge| (&edge.program, edge.admin(), edge.token()));
        let agents = self
            .sprites
            .iter()
            .map(|sprite| (&sprite.agent, sprite.address(), sprite.health_token()));
        edges
            .chain(agents)
            .chain(controls)
            .filter(|(program, ..)| program.ensure_running().is_ok())
            .filter_map(|(program, address, token)| {
                let saved = self.save_metrics_of(program, address, token);
                let name = program.name();
                saved
                    .err()
                    .map(|error| format!("the metrics of {name} were not searched: {error:#}"))
            })
            .collect()
    }

    fn save_metrics_of(
        &self,
        program: &Program,
        address: SocketAddr,
        token: &str,
    ) -> anyhow::Result<()> {
        let mut stream = match TcpStream::connect_timeout(&address, DEADLINE) {
            // It has not come so far as to count anything.
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => return Ok(()),
            connected => connected.with_context(|| format!("connect to {address}"))?,
        };
        stream.set_read_timeout(Some(DEADLINE))?;
        let request = format!(
            "GET /metrics HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\
             connection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        stream.take(ANSWER_MAX_BYTES).read_to_end(&mut answer).context("read the answer")?;
        let first_line = String::from_utf8_lossy(&answer[..answer.len().min(30)]).into_owned();
        ensure!(first_line.starts_with("HTTP/1.1 200"), "the answer begins with {first_line:?}");
        std::fs::write(self.folder.join(format!("metrics-{}", program.name())), answer)?;
        Ok(())
    }
}
