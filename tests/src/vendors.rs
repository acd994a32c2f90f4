//! Stripe, Resend, Linear and the Sprites provider, as programs on this machine.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::openclaw::Model;
use crate::secrets_file::{SecretsFile, write_private};
use crate::sprite::{GATEWAY_CONFIG, Gateway};
use crate::{Port, Program, binaries, census};

/// Where the provider's machines find our programs.
const PROGRAMS: &str = "/opt/arcamatrix";

/// The only team of the fake Linear.
const TEAM: &str = "5b1c7a3e-0000-4000-8000-000000000001";

/// The price that the fake Stripe knows: $7.00 a month.
const PRICE: &str = "price_workspace_monthly";

/// Machines that are made ready at the same time, at most: more would only wait for
/// each other on two cores.
const AT_ONCE_MAX: u64 = 10;

/// How the provider behaves: quick, or as slow as the live one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Nothing waits, and no limit is in the way.
    Quick,
    /// Creating, waking and running commands take their time, and are limited.
    Lifelike,
    /// As [`Self::Lifelike`], with another limit of creations.
    Limited { creations: u32, window: Duration },
}

/// Sprites that stand ready for the next customers.
#[derive(Debug, Clone, Copy)]
pub struct Vendors {
    pub available: u64,
    pub pace: Pace,
}

/// The stand-ins while they run.
pub struct VendorFakes {
    pub stripe: Vendor,
    pub resend: Vendor,
    pub linear: Vendor,
    pub sprites: Vendor,
    pub webhook_secret: String,
    plan: Vendors,
    gateway_config: PathBuf,
}

/// One vendor's stand-in.
pub struct Vendor {
    pub program: Program,
    /// What callers must present.
    pub key: String,
    port: Port,
}

impl Vendor {
    fn prepare(world: &Path, name: &str, key: String) -> anyhow::Result<Self> {
        let (port, file) = (Port::claim()?, format!("fake-{name}"));
        let log = world.join(format!("{file}.log"));
        let variable = format!("FAKE_{}_{}", name.to_uppercase(), secret_name(name));
        let program = Program::new(&file, binaries::program(&file)?, log)
            .argument("--port")
            .argument(port.number().to_string())
            .environment(&variable, &key)
            .environment(census::MARK, world);
        Ok(Self { program, key, port })
    }

    /// `http://127.0.0.1:3997`
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// # Errors
    /// When it does not answer yet.
    pub(crate) async fn ensure_ready(&self) -> anyhow::Result<()> {
        self.program.ensure_running()?;
        tokio::net::TcpStream::connect(self.address()).await?;
        Ok(())
    }

    /// One of the calls that only a stand-in understands, such as `/_fake/faults`.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn tell(
        &self,
        method: reqwest::Method,
        path: &str,
        body: Option<Value>,
    ) -> anyhow::Result<Value> {
        let url = format!("{}{path}", self.url());
        let mut request = crate::control::client().request(method, &url).bearer_auth(&self.key);
        if let Some(body) = &body {
            request = request.json(body);
        }
        let answer = crate::control::answer(request).await.with_context(|| url.clone())?;
        answer.success().with_context(|| url)
    }
}

/// How the stand-ins call what they ask for.
fn secret_name(vendor: &str) -> &'static str {
    if vendor == "sprites" { "TOKEN" } else { "KEY" }
}

impl VendorFakes {
    /// Ports and keys; nothing runs yet. Events go to `site_url`.
    ///
    /// # Errors
    /// When a port, a secret or a program cannot be had.
    pub fn prepare(
        world: &Path,
        plan: Vendors,
        site_url: &str,
        gateway: &Gateway,
        model: Option<&Model>,
        secrets: &mut SecretsFile,
    ) -> anyhow::Result<Self> {
        let mut key = |name: &str, prefix: &str| {
            Ok::<_, anyhow::Error>(format!(
                "{prefix}{}",
                secrets.secret(&format!("vendors/{name}"))?
            ))
        };
        let webhook_secret = key("stripe_webhook_secret", "whsec_")?;
        let mut stripe = Vendor::prepare(world, "stripe", key("stripe_key", "sk_test_")?)?;
        stripe.program = stripe
            .program
            .environment("FAKE_STRIPE_WEBHOOK_URL", format!("{site_url}/api/webhook"))
            .environment("FAKE_STRIPE_WEBHOOK_SECRET", &webhook_secret);
        let mut sprites = Vendor::prepare(world, "sprites", key("sprites_token", "sim/1/2/")?)?;
        sprites.program = in_our_world(sprites.program, world, plan, gateway, model)?;
        Ok(Self {
            stripe,
            resend: Vendor::prepare(world, "resend", key("resend_key", "re_")?)?,
            linear: Vendor::prepare(world, "linear", key("linear_key", "lin_api_")?)?,
            sprites,
            webhook_secret,
            plan,
            gateway_config: world.join("gateway.json"),
        })
    }

    /// The tables of `control.toml` that lead to the stand-ins.
    ///
    /// # Errors
    /// When the gateway's configuration cannot be written.
    pub fn tables(&self, gateway: &Gateway, model: Option<&Model>) -> anyhow::Result<String> {
        let Vendors { available, pace } = self.plan;
        let mut text = format!(
            "\n[stripe]\nurl = \"{}\"\nsecret_key = \"{}\"\nwebhook_secrets = [\"{}\"]\n\
             price = \"{PRICE}\"\n\
             \n[resend]\nurl = \"{}\"\napi_key = \"{}\"\n\
             from = \"Arcamatrix <hello@arcamatrix.localhost>\"\n\
             \n[linear]\nurl = \"{}\"\napi_key = \"{}\"\nteam = \"{TEAM}\"\n\
             \n[sprites]\nurl = \"{}\"\ntoken = \"{}\"\nprefix = \"arca\"\n\
             \n[pool]\navailable = {available}\nat_once = {}\nsweep_seconds = {}\n\
             failure_limit = {}\n",
            self.stripe.url(),
            self.stripe.key,
            self.webhook_secret,
            self.resend.url(),
            self.resend.key,
            self.linear.url(),
            self.linear.key,
            self.sprites.url(),
            self.sprites.key,
            available.clamp(1, AT_ONCE_MAX),
            if pace == Pace::Quick { 1 } else { 30 },
            // Where failures are the story, no operator is there to let the pool go on.
            if pace == Pace::Quick { 1_000 } else { 3 },
        );
        // All visitors of a world have one address.
        text += "\n[sign_up]\nmost_an_hour = 1000000\n";
        let command = match gateway {
            Gateway::Fake => vec![format!("{PROGRAMS}/fake-gateway")],
            Gateway::Real(openclaw) => openclaw.command(),
        };
        write!(
            text,
            "\n[base]\nagent = [\"{PROGRAMS}/sprite-agent\"]\ngateway = {command:?}\n\
             owner = \"root\"\n"
        )?;
        if let (Gateway::Real(openclaw), Some(model)) = (gateway, model) {
            let mut config: Value = serde_json::from_str(GATEWAY_CONFIG)?;
            // The machines find it on a port of their own loopback.
            config["models"]["providers"]["pflaster"]["baseUrl"] =
                json!(format!("http://{}/v1", model.address()));
            write_private(&self.gateway_config, &serde_json::to_vec_pretty(&config)?)?;
            write!(
                text,
                "gateway_config = {:?}\nenvironment = {{ PATH = {:?} }}\n",
                self.gateway_config.display().to_string(),
                openclaw.search_path(),
            )?;
        }
        Ok(text)
    }

    /// # Errors
    /// When one cannot be run.
    pub fn start(&self) -> anyhow::Result<()> {
        self.vendors().into_iter().try_for_each(|vendor| vendor.program.start())
    }

    pub(crate) fn programs(&self) -> impl Iterator<Item = &Program> {
        self.vendors().into_iter().map(|vendor| &vendor.program)
    }

    pub(crate) fn ports(&self) -> impl Iterator<Item = &Port> {
        self.vendors().into_iter().map(|vendor| &vendor.port)
    }

    pub(crate) fn vendors(&self) -> [&Vendor; 4] {
        [&self.stripe, &self.resend, &self.linear, &self.sprites]
    }

    /// The letters to `recipient`, oldest first.
    ///
    /// # Errors
    /// When the fake Resend does not answer.
    pub async fn letters(&self, recipient: &str) -> anyhow::Result<Vec<Value>> {
        let path = format!("/_fake/emails?to={}", recipient.replace('+', "%2B"));
        let seen = self.resend.tell(reqwest::Method::GET, &path, None).await?;
        let letters = seen["emails"].as_array().cloned();
        letters.with_context(|| format!("the inbox is no list: {seen}"))
    }
}

/// The provider's options: what its machines share with this one, and its pace.
fn in_our_world(
    program: Program,
    world: &Path,
    plan: Vendors,
    gateway: &Gateway,
    model: Option<&Model>,
) -> anyhow::Result<Program> {
    let mut program = program.argument("--state").argument(world.join("machines"));
    for share in binaries::shared_with_machines(PROGRAMS)? {
        program = program.argument("--share").argument(share);
    }
    if let Gateway::Real(openclaw) = gateway {
        let folder = openclaw.folder().display().to_string();
        program = program.argument("--share").argument(format!("{folder}={folder}"));
    }
    if let Some(model) = model {
        program = program.argument("--reach").argument(model.address().port().to_string());
    }
    for (option, value) in habits(plan.pace) {
        program = program.argument(option).argument(value);
    }
    Ok(program)
}

/// What the provider is told of its pace, where it is not the live one's.
fn habits(pace: Pace) -> Vec<(&'static str, String)> {
    match pace {
        Pace::Quick => [
            ("--create", "0"),
            ("--exec", "0"),
            ("--wake-warm", "0"),
            ("--wake-cold", "0"),
            ("--close-delay", "0"),
            ("--creations", "1000"),
            ("--running-limit", "1000"),
            ("--idle", "1h"),
        ]
        .map(|(option, value)| (option, value.to_owned()))
        .into(),
        Pace::Lifelike => Vec::new(),
        Pace::Limited { creations, window } => vec![
            ("--creations", creations.to_string()),
            ("--creation-window", format!("{}s", window.as_secs())),
        ],
    }
}
