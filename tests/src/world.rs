//! A whole Arcamatrix on loopback, from nothing.

mod keys;
mod metrics;
mod plan;
mod watched;

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use shared::{KeyRing, PublicSite, Session, SessionId, SessionKeys, Username};
use tempfile::TempDir;

use crate::control::Control;
use crate::edge::Edge;
use crate::leak::Watched;
use crate::openclaw::Model;
use crate::secrets_file::SecretsFile;
use crate::sprite::{Gateway, Sprite};
use crate::vendors::VendorFakes;
use crate::wait::{DEADLINE, wait_until_within};
use crate::{Chat, Opening, Port, Program, Refusal, Visitor, census, leak};

pub use plan::Plan;

pub const BASE_DOMAIN: &str = "arcamatrix.localhost";

/// A real gateway takes minutes on a loaded machine; beyond, the agent itself gives up.
const GATEWAY_DEADLINE: Duration = Duration::from_secs(240);

/// Somebody who can sign in.
#[derive(Debug, Clone)]
pub struct Customer {
    pub username: String,
    pub password: String,
}

/// Runs until it is dropped; then nothing of it is left but a state folder that was asked for.
pub struct World {
    pub control: Control,
    /// Beside [`Self::control`], on the same database.
    pub other_controls: Vec<Control>,
    pub edges: Vec<Edge>,
    pub sprites: Vec<Sprite>,
    pub customers: Vec<Customer>,
    pub ring: KeyRing,
    fakes: Option<VendorFakes>,
    gateway: Gateway,
    model: Option<Model>,
    telegram: Option<SocketAddr>,
    public: PublicSite,
    folder: PathBuf,
    client: reqwest::Client,
    watched: Mutex<Vec<Watched>>,
    has_failed: AtomicBool,
    /// Held as long as this world lives.
    _claim: File,
    temporary: Option<TempDir>,
}

impl World {
    /// Starts everything and waits until every workspace is live.
    ///
    /// # Errors
    /// Names what did not start, with the end of its log.
    pub async fn start(plan: Plan) -> anyhow::Result<Self> {
        let world = Self::prepare(&plan)?;
        world.begin(&plan).await?;
        Ok(world)
    }

    /// Folders, keys, ports; nothing runs yet.
    ///
    /// # Errors
    /// When the state folder or a port is taken.
    pub fn prepare(plan: &Plan) -> anyhow::Result<Self> {
        let (folder, temporary) = match &plan.state {
            Some(folder) => (folder.clone(), None),
            None => {
                let temporary = tempfile::Builder::new().prefix("arcamatrix-").tempdir()?;
                (temporary.path().to_owned(), Some(temporary))
            }
        };
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("create the state folder {}", folder.display()))?;
        let folder = folder.canonicalize()?;
        allow_many_files();
        let claim = File::create(folder.join("lock"))?;
        if claim.try_lock().is_err() {
            bail!("the state folder {} is in use by another world", folder.display());
        }
        let ring = keys::key_ring(&folder.join("keys.toml"))?;
        let mut secrets = SecretsFile::open(folder.join("secrets.json"))?;
        let edges = (0..plan.edges)
            .map(|index| {
                let public = match plan.public_port {
                    Some(first) => Port::fixed(first + u16::try_from(index)?)?,
                    None => Port::claim()?,
                };
                Edge::prepare(&folder, &format!("edge-{}", index + 1), public, &mut secrets)
            })
            .collect::<anyhow::Result<Vec<Edge>>>()?;
        let port = edges.first().context("a world has an edge")?.address().port();
        let site_url = format!("http://{BASE_DOMAIN}:{port}").parse()?;
        let model = match plan.gateway {
            Gateway::Fake => None,
            Gateway::Real(_) => Some(Model::prepare(&folder)?),
        };
        let fakes = plan.vendors.map(|vendors| {
            let site_url = format!("http://{BASE_DOMAIN}:{port}");
            VendorFakes::prepare(
                &folder,
                vendors,
                &site_url,
                &plan.gateway,
                model.as_ref(),
                &mut secrets,
            )
        });
        let sprites = plan
            .tenants
            .iter()
            .map(|username| Sprite::prepare(&folder, username, &mut secrets))
            .collect::<anyhow::Result<Vec<Sprite>>>()?;
        let customers = plan
            .tenants
            .iter()
            .map(|username| {
                let password = secrets.secret(&format!("customers/{username}/password"))?;
                Ok(Customer { username: username.clone(), password })
            })
            .collect::<anyhow::Result<Vec<Customer>>>()?;
        let database = plan.database_url.as_deref();
        let other_controls = (2..=plan.controls)
            .map(|number| {
                Control::prepare(&folder, &format!("control-{number}"), database, &mut secrets)
            })
            .collect::<anyhow::Result<Vec<Control>>>()?;
        Ok(Self {
            control: Control::prepare(&folder, "control", database, &mut secrets)?,
            other_controls,
            edges,
            sprites,
            customers,
            ring,
            fakes: fakes.transpose()?,
            gateway: plan.gateway.clone(),
            model,
            telegram: plan.telegram,
            public: PublicSite::new(BASE_DOMAIN, site_url)?,
            folder,
            client: crate::control::client(),
            watched: Mutex::default(),
            has_failed: AtomicBool::new(false),
            _claim: claim,
            temporary,
        })
    }

    /// Starts what [`Self::prepare`] laid out.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn begin(&self, plan: &Plan) -> anyhow::Result<()> {
        let site_url = self.public.site_url();
        let keys = self.folder.join("keys.toml");
        let tables = match &self.fakes {
            None => String::new(),
            Some(fakes) => {
                fakes.start()?;
                for vendor in fakes.vendors() {
                    let ready = async || vendor.ensure_ready().await;
                    self.wait_until_ready(&vendor.program, DEADLINE, ready).await?;
                }
                fakes.tables(&plan.gateway, self.model.as_ref())?
            }
        };
        for control in self.controls() {
            let (edges, extra) = (&self.edges, &plan.control_config);
            control.configure(&keys, BASE_DOMAIN, site_url, edges, extra, &tables)?;
            control.program.start()?;
        }
        // Several controls share the edges' visitors.
        let mut sites: Vec<_> = self.controls().map(Control::site).collect();
        for edge in &self.edges {
            edge.configure(&keys, &self.public, &sites, &plan.edge_limits)?;
            edge.program.start()?;
            sites.rotate_left(1);
        }
        if let Some(model) = &self.model {
            model.program.start()?;
        }
        for control in self.controls() {
            let ready = async || control.ensure_ready().await;
            self.wait_until_ready(&control.program, DEADLINE, ready).await?;
        }
        for edge in &self.edges {
            self.wait_until_ready(&edge.program, DEADLINE, async || edge.ensure_ready().await)
                .await?;
        }
        for customer in &self.customers {
            self.control.add_customer(&customer.username, &customer.password).await?;
        }
        for sprite in &self.sprites {
            self.hand_out(sprite).await?;
        }
        for sprite in &self.sprites {
            let probe = async || sprite.ensure_ready(&self.client).await;
            self.wait_until_ready(&sprite.agent, GATEWAY_DEADLINE, probe).await?;
        }
        Ok(())
    }

    /// Asks `probe` until `program` is ready, and not once more when a program has ended:
    /// nothing will be ready without it.
    async fn wait_until_ready(
        &self,
        program: &Program,
        deadline: Duration,
        probe: impl AsyncFn() -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let what = format!("{} is ready", program.name());
        wait_until_within(deadline, &what, async || match self.ensure_none_has_ended() {
            Ok(()) => probe().await.map(Ok),
            ended => anyhow::Ok(ended),
        })
        .await?
    }

    /// Of those that were started.
    fn ensure_none_has_ended(&self) -> anyhow::Result<()> {
        let mut started = self.programs().filter(|program| program.pid().is_some());
        started.try_for_each(Program::ensure_running)
    }

    /// Publishes the route, which gives the sprite its assignment, and starts the agent.
    async fn hand_out(&self, sprite: &Sprite) -> anyhow::Result<()> {
        self.control.put_route(&sprite.username, sprite.address(), &sprite.name).await?;
        self.configure_agent(sprite, &self.ring).await?;
        sprite.agent.start()
    }

    /// All of them, which is one unless more were planned.
    pub fn controls(&self) -> impl Iterator<Item = &Control> + Clone {
        std::iter::once(&self.control).chain(&self.other_controls)
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The vendors' stand-ins, in a world that was planned with them.
    pub fn fakes(&self) -> &VendorFakes {
        self.fakes.as_ref().expect("a world with vendors")
    }

    /// `http://arcamatrix.localhost:8080`
    pub fn site_url(&self) -> &str {
        self.public.site_url()
    }

    /// `http://ada.arcamatrix.localhost:8080`
    pub fn workspace_url(&self, username: &str) -> String {
        self.public.workspace_url(&name(username))
    }

    /// `ada.arcamatrix.localhost:8080`
    pub fn workspace_host(&self, username: &str) -> String {
        self.public.workspace_host(&name(username))
    }

    /// A fresh browser at the first edge.
    pub fn visitor(&self) -> Visitor {
        Visitor::new(self.edges[0].address(), self.folder.join("pages.log"))
    }

    /// A fresh browser that has signed in as `username` on their workspace.
    ///
    /// # Errors
    /// When it does not end on the chat page.
    pub async fn signed_in(&self, username: &str) -> anyhow::Result<Visitor> {
        let visitor = self.visitor();
        let url = self.workspace_url(username);
        let page = visitor.sign_in(&url, username, &self.customer(username).password).await?;
        if page.status != 200 || page.url.as_str() != format!("{url}/") {
            bail!("signing in as {username} ended with {} on {}", page.status, page.url);
        }
        self.watch_cookies(&visitor);
        Ok(visitor)
    }

    pub fn customer(&self, username: &str) -> &Customer {
        let mut customers = self.customers.iter();
        customers.find(|customer| customer.username == username).expect("a customer of this world")
    }

    pub fn sprite(&self, username: &str) -> &Sprite {
        let mut sprites = self.sprites.iter();
        sprites.find(|sprite| sprite.username == username).expect("a sprite of this world")
    }

    /// A session token for `username`, signed as control would sign it.
    ///
    /// # Errors
    /// When no edge serves the workspace.
    pub async fn session_token(&self, username: &str) -> anyhow::Result<String> {
        let token = SessionKeys::new(&self.ring).sign(&self.session(username).await?);
        self.watch("a session token", &token, &[]);
        Ok(token)
    }

    /// A session of an hour that edges take once it is signed.
    ///
    /// # Errors
    /// When no edge serves the workspace.
    pub async fn session(&self, username: &str) -> anyhow::Result<Session> {
        let route = self.edges[0].route(username).await?;
        let route = route.with_context(|| format!("{username} has no route"))?;
        let now = shared::process::time::unix_seconds();
        Ok(Session {
            username: name(username),
            id: SessionId::random(),
            issued: now,
            expires: now + 3_600,
            epoch: route["epoch"].as_u64().context("a route has an epoch")?,
        })
    }

    /// Opens the workspace's WebSocket as its page would, with the visitor's cookies.
    ///
    /// # Errors
    /// As [`Chat::open`].
    pub async fn chat(
        &self,
        visitor: &Visitor,
        username: &str,
    ) -> anyhow::Result<Result<Chat, Refusal>> {
        let origin = self.workspace_url(username);
        let host = format!("{username}.{BASE_DOMAIN}");
        let cookies = visitor.jar().header(&host, crate::jar::Site::SameOrigin, false);
        let mut headers = vec![
            ("origin", origin.as_str()),
            ("sec-fetch-site", "same-origin"),
            ("sec-fetch-mode", "websocket"),
        ];
        headers.extend(cookies.as_deref().map(|cookies| ("cookie", cookies)));
        Chat::open(&Opening {
            address: visitor.edge(),
            host: &self.workspace_host(username),
            path: "/ws",
            headers: &headers,
        })
        .await
    }

    /// A story in this world has failed: its end will show the logs.
    pub fn mark_failed(&self) {
        self.has_failed.store(true, Ordering::Relaxed);
    }

    fn programs(&self) -> impl Iterator<Item = &Program> {
        let edges = self.edges.iter().map(|edge| &edge.program);
        let agents = self.sprites.iter().map(|sprite| &sprite.agent);
        let model = self.model.iter().map(|model| &model.program);
        let vendors = self.fakes.iter().flat_map(VendorFakes::programs);
        let controls = self.controls().map(|control| &control.program);
        edges.chain(agents).chain(model).chain(vendors).chain(controls)
    }

    /// Names and pids of what runs.
    pub fn pids(&self) -> Vec<(String, u32)> {
        self.programs()
            .filter_map(|program| Some((program.name().to_owned(), program.pid()?)))
            .collect()
    }

    /// Names and log files of all programs.
    pub fn logs(&self) -> Vec<(String, PathBuf)> {
        self.programs()
            .map(|program| (program.name().to_owned(), program.log().to_owned()))
            .collect()
    }

    /// # Errors
    /// With the last words of the first program that has ended by itself.
    pub fn ensure_running(&self) -> anyhow::Result<()> {
        self.programs().try_for_each(Program::ensure_running)
    }

    /// Ends every program, then says what was left behind or got out.
    ///
    /// # Errors
    /// Names each left-over process, each port that is still taken and each leak.
    pub fn end(&self) -> anyhow::Result<()> {
        let mut complaints = self.save_metrics();
        self.programs().for_each(Program::ask_to_stop);
        self.programs().for_each(|program| {
            program.stop();
        });
        for process in census::of_world(&self.folder) {
            complaints.push(format!("process {} is left: {}", process.pid, process.command));
            process.kill();
        }
        let ports = self.edges.iter().flat_map(Edge::ports);
        let ports = ports.chain(self.sprites.iter().flat_map(Sprite::ports));
        let ports = ports.chain(self.model.iter().map(Model::port));
        let ports = ports.chain(self.controls().flat_map(Control::ports));
        let ports = ports.chain(self.fakes.iter().flat_map(VendorFakes::ports));
        for port in ports.filter(|port| !port.is_free()) {
            complaints.push(format!("port {} is still taken", port.number()));
        }
        match self.all_watched().and_then(|watched| leak::search(&self.folder, &watched)) {
            Ok(findings) => complaints.extend(findings.iter().map(ToString::to_string)),
            Err(error) => complaints.push(format!("secrets were not searched for: {error:#}")),
        }
        if complaints.is_empty() { Ok(()) } else { bail!("{}", complaints.join("\n")) }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let ended = self.end();
        if std::thread::panicking() || self.has_failed.load(Ordering::Relaxed) {
            // What the programs said is the best clue there is.
            for program in self.programs() {
                eprintln!("--- end of {}'s log\n{}", program.name(), program.last_lines());
            }
        }
        match ended {
            Err(error) if std::thread::panicking() => eprintln!("the world's end: {error:#}"),
            Err(error) => panic!("the world's end: {error:#}"),
            Ok(()) => {}
        }
        drop(self.temporary.take());
    }
}

fn name(username: &str) -> Username {
    Username::parse(username).expect("stories use proper names")
}

/// Thousands of sockets need more than the 1,024 files that are usual.
fn allow_many_files() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    // Where it is refused, the story that needs it says so.
    let _ = setrlimit(Resource::Nofile, raised);
}
