//! Holds the machine awake: a task of the provider's, spoken of over a socket in the
//! machine. It expires by itself, so that an agent that dies holds nothing.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tokio::time::Instant;
use tracing::warn;

const PATH: &str = "/v1/tasks/arca-agent";

/// Of each refresh.
const EXPIRE: &str = r#"{"expire":"2m"}"#;

/// Early enough that one which fails can be made up for.
const REFRESH_EVERY: Duration = Duration::from_secs(40);

/// The provider's socket is on this machine.
const ANSWER_MAX: Duration = Duration::from_secs(5);

pub struct MachineTask {
    /// `None`: this is no machine of the provider's, and nothing holds it awake.
    socket: Option<PathBuf>,
    refreshed: Option<Instant>,
    /// `false` before the first release, too: an earlier agent may have left one.
    is_gone: bool,
    is_failing: bool,
}

impl MachineTask {
    pub fn new(socket: Option<PathBuf>) -> Self {
        Self { socket, refreshed: None, is_gone: false, is_failing: false }
    }

    /// Holds the machine, or lets it go. Called again, does what is still to be done.
    pub async fn hold(&mut self, is_wanted: bool) {
        let is_due = match (is_wanted, self.refreshed) {
            (true, Some(refreshed)) => refreshed.elapsed() >= REFRESH_EVERY,
            (true, None) => true,
            (false, _) => !self.is_gone,
        };
        if !is_due {
            return;
        }
        let (method, body) = if is_wanted { (Method::PUT, EXPIRE) } else { (Method::DELETE, "") };
        match self.ask(method, body).await {
            Ok(()) => {
                self.refreshed = is_wanted.then(Instant::now);
                self.is_gone = !is_wanted;
                self.is_failing = false;
            }
            Err(error) if !self.is_failing => {
                self.is_failing = true;
                let word = if is_wanted { "hold this machine awake" } else { "let it sleep" };
                warn!("cannot {word}: {error}; trying again");
            }
            Err(_) => {}
        }
    }

    async fn ask(&self, method: Method, body: &'static str) -> Result<(), String> {
        let Some(socket) = &self.socket else { return Ok(()) };
        let request = Request::builder()
            .method(method)
            .uri(PATH)
            .header(HOST, "sprite")
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from_static(body.as_bytes())))
            .expect("a fixed request is valid");
        let answered = async {
            let stream = UnixStream::connect(socket).await.map_err(|error| error.to_string())?;
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(stream))
                    .await
                    .map_err(|error| error.to_string())?;
            tokio::spawn(connection);
            let answer = sender.send_request(request).await.map_err(|error| error.to_string())?;
            match answer.status() {
                // Gone already is as good.
                status if status.is_success() || status == StatusCode::NOT_FOUND => Ok(()),
                status => Err(format!("the provider answers {status}")),
            }
        };
        let late = || Err(format!("no answer within {ANSWER_MAX:?}"));
        tokio::time::timeout(ANSWER_MAX, answered).await.unwrap_or_else(|_| late())
    }
}
