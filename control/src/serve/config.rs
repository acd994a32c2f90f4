//! `control.toml`: text in, a checked value or every complaint out.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use shared::process::{Complaints, Document, LogFormat, Section};
use shared::{AddressPolicy, PublicSite, Secret, Upstream};

use crate::accounts::SessionTimes;
use crate::accounts::operators::Operator;
use crate::app::join_config::JoinConfig;
use crate::app::site_config::SiteConfig;
use crate::base::key_file::KeyFile;
use crate::billing::{SignUpConfig, StripeConfig};
use crate::certificates::CertificatesConfig;
use crate::domains::DomainsConfig;
use crate::machines::context::MachinesConfig;
use crate::mail::ResendConfig;
use crate::model::machine_costs::{Decimal, MachineCosts};
use crate::routes::{EdgeConfig, PublishTimes};
use crate::store::{Dialect, LOG_CHANGES, RetentionTimes};
use crate::tickets::LinearConfig;

pub struct Config {
    pub site: PublicSite,
    /// The origins of all workspaces, as a content security policy names them.
    pub workspace_origins: String,
    /// What the site says about who runs it.
    pub texts: SiteConfig,
    pub machine_costs: MachineCosts,
    /// Reached through the edges.
    pub site_listen: SocketAddr,
    /// Private: the operator's API, health and metrics.
    pub api_listen: SocketAddr,
    /// With a password, where PostgreSQL wants one.
    pub database_url: Secret<String>,
    pub keys: Arc<KeyFile>,
    pub admin_key: Secret<String>,
    /// Those with keys and roles of their own.
    pub operators: Vec<Operator>,
    /// Those that stay as long as the program; others are in the database.
    pub edges: Vec<EdgeConfig>,
    /// Without it no machine joins as an edge.
    pub join: Option<JoinConfig>,
    /// Without it, the edges have certificates of their own.
    pub certificates: Option<CertificatesConfig>,
    pub domains: DomainsConfig,
    pub sessions: SessionTimes,
    pub publish: PublishTimes,
    /// Steps of the route table that are kept for edges that fell behind.
    pub log_changes: u64,
    pub tasks: TaskTimes,
    pub retention: RetentionSettings,
    /// Without it no letter is sent.
    pub resend: Option<ResendConfig>,
    /// Without it incidents are noted, and no ticket is opened.
    pub linear: Option<LinearConfig>,
    pub addresses: AddressPolicy,
    /// Without it nothing is sold.
    pub stripe: Option<StripeConfig>,
    pub sign_up: SignUpConfig,
    /// Where VMs come from; `None` where nothing is provisioned.
    pub machines: Option<MachinesConfig>,
    pub log: LogFormat,
}

#[derive(Debug, Clone, Copy)]
pub struct TaskTimes {
    /// How often the queue is looked at although nothing woke its workers.
    pub sweep: Duration,
    /// How long a task is kept after its end; told again within it, its cause is known.
    pub keep: Duration,
    /// How long somebody who has paid may wait for a workspace before a person is told.
    pub patience: Duration,
}

/// Where the environment names the database, as deployments that keep its
/// password out of files do. It wins over the file.
const DATABASE_VARIABLE: &str = "DATABASE_URL";

const DAY: u64 = 86_400;

impl Config {
    /// How long everything is kept that the sweep forgets.
    pub fn retention(&self) -> RetentionTimes {
        let RetentionSettings { mails, tickets, orders } = self.retention;
        RetentionTimes {
            account_idle: self.sessions.account_idle,
            tasks: self.tasks.keep,
            mails,
            tickets,
            orders,
        }
    }

    /// # Errors
    /// Every complaint about the file.
    pub fn read(path: &Path) -> Result<Self, Complaints> {
        let database = std::env::var(DATABASE_VARIABLE).ok().filter(|url| !url.is_empty());
        Self::from_document(&Document::read(path)?, database)
    }

    /// `database` is the URL that wins over the document's own.
    ///
    /// # Errors
    /// Every complaint about the text.
    pub fn from_document(
        document: &Document,
        database: Option<String>,
    ) -> Result<Self, Complaints> {
        document.check(|root| Self::from_root(root, database))
    }

    fn from_root(root: &mut Section<'_>, database: Option<String>) -> Option<Self> {
        let base_domain = root.required("base_domain", PublicSite::parse_base_domain);
        let site_url = root.required("site_url", Upstream::parse);
        let site = base_domain.zip(site_url).and_then(|(base, url)| {
            let origins = workspace_origins(&base, &url);
            match PublicSite::new(&base, url) {
                Ok(site) => Some((site, origins)),
                Err(error) => {
                    root.complain("site_url", &error.to_string());
                    None
                }
            }
        });
        let base_domain = site.as_ref().map(|(site, _)| site.base_domain().to_owned());
        let certificates = root.optional_table("certificates", |section| {
            CertificatesConfig::from_section(section, base_domain.as_deref())
        });
        let domains = root.table("domains", DomainsConfig::from_section);
        let site_listen = root.required("site_listen", str::parse);
        let api_listen = root.required("api_listen", str::parse);
        let listeners = site_listen.map(|at| ("site_listen", at)).into_iter();
        let listeners = listeners.chain(api_listen.map(|at| ("api_listen", at)));
        root.complain_of_one_address(&listeners.collect::<Vec<_>>());
        let database_url = database_url(root, database);
        let keys = root.required("keys_file", |path| KeyFile::open(Path::new(path)));
        let admin_key = root.secret("admin_key", "admin_key_file");
        let operators = root.tables("operators", Operator::from_section);
        complain_of_namesakes(root, &operators);
        let edges = root.tables("edges", EdgeConfig::from_section);
        complain_of_doubles(root, &edges);
        if certificates.is_some() {
            complain_of_listeners(root, &edges);
        }
        let join = root.optional_table("join", JoinConfig::from_section);
        let sessions = root.table("sessions", SessionTimes::from_section);
        let publish = root.table("publish", PublishTimes::from_section);
        let tasks = root.table("tasks", TaskTimes::from_section);
        let retention = root.table("retention", RetentionSettings::from_section);
        let log_changes = root.number("log_changes", 1..=10_000_000, LOG_CHANGES);
        let addresses = root.table("upstream", |upstream| AddressPolicy {
            allow_http: upstream.list("allow_http", str::parse::<IpNet>),
            allow_addresses: upstream.list("allow_addresses", str::parse::<IpNet>),
        });
        let resend = root.optional_table("resend", ResendConfig::from_section);
        let linear = root.optional_table("linear", LinearConfig::from_section);
        let stripe = root.optional_table("stripe", StripeConfig::from_section);
        let sign_up = root.table("sign_up", SignUpConfig::from_section);
        let machines = MachinesConfig::from_root(root);
        let texts = root.table("site", SiteConfig::from_section);
        let machine_costs = root.table("costs", machine_costs);
        let log = root.table("log", |log| log.optional("format", LogFormat::parse));
        let (site, workspace_origins) = site?;
        Some(Self {
            site,
            workspace_origins,
            texts,
            machine_costs,
            site_listen: site_listen?,
            api_listen: api_listen?,
            database_url: database_url?,
            keys: Arc::new(keys?),
            admin_key: admin_key?,
            operators,
            edges,
            join,
            certificates,
            domains,
            sessions,
            publish,
            log_changes,
            tasks,
            retention,
            resend,
            linear,
            addresses,
            stripe,
            sign_up,
            machines,
            log: log.unwrap_or(LogFormat::Json),
        })
    }
}

/// The provider's list of August 2026, and what an idle assistant was seen to take.
fn machine_costs(costs: &mut Section<'_>) -> MachineCosts {
    let mut decimal = |key, millionths| {
        costs.optional(key, Decimal::parse).unwrap_or(Decimal::millionths(millionths))
    };
    let cpu = decimal("cpu_hour", 70_000).times(decimal("cpus", 50_000));
    let memory = decimal("memory_gb_hour", 43_750).times(decimal("memory_gb", 1_000_000));
    let disk_month = decimal("disk_gb_month", 20_000).times(decimal("disk_gb", 2_000_000));
    MachineCosts { awake_hour: cpu.plus(memory), disk_month }
}

/// How long is kept what nobody needs for the service itself.
#[derive(Debug, Clone, Copy)]
pub struct RetentionSettings {
    pub mails: Duration,
    pub tickets: Duration,
    pub orders: Duration,
}

impl RetentionSettings {
    fn from_section(retention: &mut Section<'_>) -> Self {
        // A little more than a year: what comes once a year is there when it comes again.
        let mut days = |key| Duration::from_secs(DAY * retention.number(key, 30..=3_650, 400));
        Self { mails: days("mail_days"), tickets: days("ticket_days"), orders: days("order_days") }
    }
}

impl TaskTimes {
    fn from_section(tasks: &mut Section<'_>) -> Self {
        let keep_days = tasks.number("keep_days", 31..=3_650, 90);
        Self {
            sweep: tasks.seconds("sweep_seconds", 1..=3_600, 30),
            keep: Duration::from_secs(keep_days * DAY),
            patience: Duration::from_secs(60 * tasks.number("unserved_minutes", 1..=1_440, 10)),
        }
    }
}

/// `https://*.arcamatrix.com`, with the port where the site has one.
fn workspace_origins(base_domain: &str, site_url: &Upstream) -> String {
    let scheme = if site_url.is_tls() { "https" } else { "http" };
    let port = &site_url.authority()[site_url.host().len()..];
    format!("{scheme}://*.{base_domain}{port}")
}

fn database_url(root: &mut Section<'_>, named_outside: Option<String>) -> Option<Secret<String>> {
    let check = |url: &str| Dialect::of_url(url).map(|_| Secret::new(url.to_owned()));
    let Some(url) = named_outside else { return root.required("database_url", check) };
    let _overruled = root.optional("database_url", check);
    let checked = check(&url);
    if let Err(error) = checked {
        root.complain("database_url", &format!("{DATABASE_VARIABLE} in the environment {error}"));
    }
    checked.ok()
}

fn complain_of_namesakes(root: &Section<'_>, operators: &[Operator]) {
    for (index, operator) in operators.iter().enumerate() {
        if operators[..index].iter().any(|other| other.name == operator.name) {
            let message = format!("two operators are called {:?}", operator.name);
            root.complain("operators", &message);
        }
    }
}

/// Private keys are sent to edges.
fn complain_of_listeners(root: &Section<'_>, edges: &[EdgeConfig]) {
    for edge in edges.iter().filter(|edge| !edge.is_confidential()) {
        let message = format!(
            "the url of {:?} must begin with https:// or be of this machine, as [certificates] \
             sends it private keys",
            edge.name
        );
        root.complain("edges", &message);
    }
}

fn complain_of_doubles(root: &Section<'_>, edges: &[EdgeConfig]) {
    for (index, edge) in edges.iter().enumerate() {
        if edges[..index].iter().any(|other| other.name == edge.name) {
            root.complain("edges", &format!("two edges are called {:?}", edge.name));
        } else if let Some(other) = edges[..index].iter().find(|other| other.url == edge.url) {
            let message = format!("{:?} and {:?} have one url", other.name, edge.name);
            root.complain("edges", &message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let document = Document::from_text(Path::new("control.toml"), text.to_owned());
        let complaints = Config::from_document(&document, None).err();
        let seen = complaints.map(|complaints| complaints.to_string()).unwrap_or_default();
        assert_eq!(seen.lines().collect::<Vec<_>>(), expected);
    }

    /// The commented example, with keys that are there.
    fn example(database: Option<&str>) -> Result<Config, Complaints> {
        let folder = tempfile::tempdir().unwrap();
        let keys = folder.path().join("keys.toml");
        let id = shared::KeyId::parse("k1").unwrap();
        std::fs::write(&keys, shared::KeyRing::generate_toml(&id)).unwrap();
        let text = include_str!("../../../config/control.toml")
            .replace("/etc/arcamatrix/keys.toml", keys.to_str().unwrap());
        let document = Document::from_text(Path::new("control.toml"), text);
        Config::from_document(&document, database.map(str::to_owned))
    }

    #[test]
    fn the_environment_overrules_the_database_of_the_file() {
        let url = |database| example(database).unwrap().database_url.expose().clone();
        assert_eq!(url(None), "sqlite:///var/lib/arcamatrix/control.db");
        assert_eq!(url(Some("postgres://arca@db.test/arca")), "postgres://arca@db.test/arca");
        let complaints = example(Some("arca:secret@db.test")).err().unwrap().to_string();
        assert!(complaints.contains("DATABASE_URL in the environment must begin"), "{complaints}");
        assert!(!complaints.contains("secret"), "{complaints}");
    }

    #[test]
    fn the_commented_example_is_complete_and_its_defaults_are_ours() {
        let config = example(None).unwrap();
        assert_eq!(config.log_changes, LOG_CHANGES);
        assert_eq!(config.sessions.account, Duration::from_secs(30 * DAY));
        assert_eq!(config.publish.wait, Duration::from_secs(10));
        assert_eq!(config.tasks.keep, Duration::from_secs(90 * DAY));
        assert_eq!(config.resend.unwrap().per_second, 2);
        assert!(config.linear.unwrap().team.sign_ups);
        assert!(!config.stripe.unwrap().is_live);
        assert_eq!(config.sign_up.grace, Duration::from_secs(7 * DAY));
        assert_eq!(config.edges.len(), 2);
    }

    #[test]
    fn private_keys_are_sent_to_no_edge_that_others_can_hear() {
        let text = "[[edges]]\nname = 'far'\nurl = 'http://10.0.0.1:9100'\ntoken = '0123456789abcdef'\n\
                    [[edges]]\nname = 'near'\nurl = 'http://127.0.0.1:9100'\ntoken = '0123456789abcdef'\n\
                    [certificates]\n";
        let document = Document::from_text(Path::new("c.toml"), text.to_owned());
        let complaints = Config::from_document(&document, None).err().unwrap().to_string();
        assert!(!complaints.contains("the url of"), "without a whole section: {complaints}");
        let whole = "contact = 'a@b.test'\nchallenge = 'hook'\nhook = '/bin/true'\n";
        let document = Document::from_text(Path::new("c.toml"), format!("{text}{whole}"));
        let complaints = Config::from_document(&document, None).err().unwrap().to_string();
        assert!(complaints.contains("the url of \"far\""), "{complaints}");
        assert!(!complaints.contains("the url of \"near\""), "{complaints}");
    }

    #[test]
    fn the_vendors_sections_are_whole_or_not_there() {
        let document =
            Document::from_text(Path::new("c.toml"), "[resend]\n[linear]\n[stripe]\n".to_owned());
        let complaints = Config::from_document(&document, None).err().unwrap().to_string();
        for missing in
            ["resend.url", "resend.api_key", "resend.from", "linear.team", "stripe.price"]
        {
            assert!(complaints.contains(&format!("{missing}: is missing")), "{complaints}");
        }
        assert!(!complaints.contains("reply_to"), "{complaints}");
    }

    #[test]
    fn a_file_without_an_end_is_no_key() {
        let document = Document::from_text(
            Path::new("c.toml"),
            "keys_file = '/dev/zero'\nadmin_key_file = '/dev'\n[stripe]\n\
             secret_key_file = '/dev/tty'\nwebhook_secrets_file = '/dev/zero'\n[site]\n\
             legal_file = '/dev/zero'\n[sprites]\n[base]\ngateway_config = '/dev/zero'\n\
             files = [{ from = '/dev/zero', to = '/x' }]\n[certificates]\n\
             ca_file = '/dev/zero'\n[[edges]]\nca_file = '/dev/zero'\n"
                .to_owned(),
        );
        let complaints = Config::from_document(&document, None).err().unwrap().to_string();
        for expected in [
            "1: keys_file: /dev/zero cannot be read: it is a device, and no file",
            "2: admin_key_file: /dev cannot be read: it is a folder, and no file",
            "4: stripe.secret_key_file: ",
            "5: stripe.webhook_secrets_file: /dev/zero",
            "7: site.legal_file: /dev/zero",
            "10: base.gateway_config: /dev/zero",
            "11: base.files[0].from: /dev/zero",
            "13: certificates.ca_file: /dev/zero",
            "15: edges[0].ca_file: /dev/zero",
        ] {
            assert!(complaints.contains(&format!("c.toml:{expected}")), "{expected}\n{complaints}");
        }
    }

    #[test]
    fn what_needs_another_section_says_which() {
        let document = Document::from_text(Path::new("c.toml"), "[base]\n[pool]\n".to_owned());
        let complaints = Config::from_document(&document, None).err().unwrap().to_string();
        for key in ["1: base", "2: pool"] {
            let expected = format!("c.toml:{key}: is about machines, and [sprites] is not there");
            assert!(complaints.contains(&expected), "{complaints}");
        }
        assert!(!complaints.contains("known key"), "{complaints}");
    }

    #[test]
    fn a_wrong_base_domain_is_complained_of_where_it_stands() {
        let document = |base: &str| {
            let text = format!("base_domain = '{base}'\nsite_url = 'https://arca.test'\n");
            Document::from_text(Path::new("c.toml"), text)
        };
        for base in ["https://arca.test", "Arca.test", "*.arca.test", "arca.test:443", "arca", ""] {
            let complaints = Config::from_document(&document(base), None).err().unwrap();
            let complaints = complaints.to_string();
            assert!(complaints.contains("c.toml:1: base_domain: "), "{base}: {complaints}");
            assert!(!complaints.contains("site_url"), "{base}: {complaints}");
        }
    }

    #[test]
    fn every_complaint_comes_at_once() {
        check(
            "base_domain = 'arca.test'\nsite_url = 'https://other.test'\nsite_listen = '80'\n\
             database_url = 'mysql://x'\nkeys_file = '/nowhere/keys.toml'\nadmin_key = 'short'\n\
             [[edges]]\nname = 'a b'\nurl = 'x'\n[upstream]\nallow_http = ['loopback']\n\
             [site]\ncontact_email = 'hello'\n",
            &[
                "control.toml:2: site_url: https://other.test is neither the origin of base_domain, \
                 which is \"arca.test\", nor that of its www",
                "control.toml:3: site_listen: invalid socket address syntax",
                "control.toml:4: database_url: must begin with sqlite: or postgres:",
                "control.toml:5: keys_file: /nowhere/keys.toml cannot be read: \
                 No such file or directory (os error 2)",
                "control.toml:6: admin_key: must have at least 16 characters",
                "control.toml:8: edges[0].name: is one to 63 of A-Z, a-z, 0-9, -, _ and .",
                "control.toml:9: edges[0].url: an upstream begins with https:// or http://",
                "control.toml:11: upstream.allow_http: \"loopback\": invalid IP address syntax",
                "control.toml:13: site.contact_email: An e-mail address looks like ada@example.com.",
                "control.toml: api_listen: is missing",
                "control.toml: edges[0].token: is missing",
            ],
        );
    }
}
