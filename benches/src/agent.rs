//! The agent of one VM, with the gateway in front of which it stands.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use shared::identity::{IDENTITY_HEADER, Identity, IdentityKey};
use shared::process::time::unix_seconds;
use shared::{KeyId, RequestId, SessionId};

use crate::child::{Child, free_address};
use crate::http::Connection;
use crate::stage::Stage;
use crate::tenants::{self, BASE_DOMAIN};

/// How long it may take to answer; its bar is a two-hundredth of it.
const PATIENCE: Duration = Duration::from_secs(10);

/// The workspace that it belongs to.
const TENANT: u64 = 1;

pub struct Agent {
    pub address: SocketAddr,
    /// From its start until it answered.
    pub took: Duration,
    identity_key: String,
    program: Child,
}

impl Agent {
    /// Starts one before the gateway at `gateway`, where nobody needs to be.
    ///
    /// # Errors
    /// Quotes what the agent says when it does not start.
    pub async fn start(stage: &Stage, gateway: SocketAddr) -> anyhow::Result<Self> {
        let folder = stage.folder.join("agent");
        std::fs::create_dir_all(&folder)?;
        let address = free_address()?;
        let identity_key = format!("{}{}", SessionId::random(), SessionId::random());
        let configuration = configuration(address, gateway, &identity_key);
        std::fs::write(folder.join("sprite-agent.toml"), configuration)?;
        let (program, core) = (&stage.programs.agent, stage.cores.proxy);
        let arguments = ["--config", "sprite-agent.toml"];
        let started = Instant::now();
        let mut program = Child::start("agent", program, &arguments, core, &folder)?;
        while health(address).await.is_none() {
            program.check_running()?;
            if started.elapsed() > PATIENCE {
                bail!("the agent did not answer within {PATIENCE:?}");
            }
            tokio::time::sleep(Duration::from_micros(500)).await;
        }
        Ok(Self { address, took: started.elapsed(), identity_key, program })
    }

    pub fn pid(&self) -> u32 {
        self.program.pid()
    }

    /// Waits until it has seen that the gateway is ready.
    ///
    /// # Errors
    /// When it does not see it.
    pub async fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let started = Instant::now();
        loop {
            let said = health(self.address).await.unwrap_or_default();
            if said.contains("\"ok\"") {
                return Ok(());
            }
            self.program.check_running()?;
            if started.elapsed() > PATIENCE {
                bail!("the agent still said {said} after {PATIENCE:?}");
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// What the edge and a browser say when the page opens its WebSocket.
    ///
    /// # Errors
    /// Never: the key was made here.
    pub fn page_headers(&self) -> anyhow::Result<Vec<(&'static str, String)>> {
        let id = KeyId::parse("k1")?;
        let key = IdentityKey::from_hex(id, &self.identity_key).context("a key of our own")?;
        let identity = Identity {
            username: tenants::username(TENANT),
            session: SessionId::random(),
            request: RequestId::random(),
            issued: unix_seconds(),
        };
        Ok(vec![(IDENTITY_HEADER, key.sign(&identity)), ("origin", public_url())])
    }
}

/// What the agent says about itself to everybody; `None` while nobody answers.
async fn health(address: SocketAddr) -> Option<String> {
    let mut connection = Connection::open(address).await.ok()?;
    let request = format!("GET /pflaster/health HTTP/1.1\r\nHost: {address}\r\n\r\n");
    let answer = connection.exchange(request.as_bytes()).await.ok()?;
    Some(String::from_utf8_lossy(answer.body).into_owned())
}

fn public_url() -> String {
    format!("http://{}.{BASE_DOMAIN}", tenants::username(TENANT))
}

fn configuration(address: SocketAddr, gateway: SocketAddr, identity_key: &str) -> String {
    format!(
        "listen = \"{address}\"
username = \"{}\"
site_url = \"http://{BASE_DOMAIN}\"
public_url = \"{}\"
health_token = \"only-for-this-measurement\"
[identity.keys]
k1 = \"{identity_key}\"
[gateway]
address = \"{gateway}\"
token = \"only-for-this-measurement\"
[supervisor]
enabled = false
",
        tenants::username(TENANT),
        public_url()
    )
}
