//! Certificates from a real certificate authority, shown by a real edge to real clients.
//!
//! Pebble has to be installed, hence `make test-acme`.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use e2e::pebble::Pebble;
use e2e::secrets_file::write_private;
use e2e::wait::ensure;
use e2e::{Port, Program, binaries, census, wait_until, wait_until_within};
use fakes::cloudflare::Cloudflare;
use reqwest::Method;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use shared::{KeyId, KeyRing};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

const ADMIN_KEY: &str = "an-admin-key-of-a-story";
const EDGE_TOKEN: &str = "an-edge-token-of-a-story";

/// Renewed with a third left: the other clients have fifteen seconds while that is done.
const LIFE: Duration = Duration::from_secs(45);

/// Renewals of a certificate of that life come every thirty seconds.
const RENEWALS: usize = 2;

struct Installation {
    edge: Program,
    control: Program,
    tls: Port,
    api: Port,
    pebble: Pebble,
    folder: tempfile::TempDir,
    site: Port,
    _ports: [Port; 2],
}

impl Installation {
    /// `certificates` are lines of the section of that name.
    async fn start(certificates: impl Fn(&Pebble, &Path) -> String) -> anyhow::Result<Self> {
        Self::start_with_dns(None, certificates).await
    }

    async fn start_with_dns(
        name_server: Option<SocketAddr>,
        certificates: impl Fn(&Pebble, &Path) -> String,
    ) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("arcamatrix-").tempdir()?;
        let [plain, admin, site] = [Port::claim()?, Port::claim()?, Port::claim()?];
        let (tls, api) = (Port::claim()?, Port::claim()?);
        let pebble =
            Pebble::start_with_dns(folder.path(), plain.number(), LIFE, name_server).await?;
        let path = |name: &str| folder.path().join(name).display().to_string();
        let ring = KeyRing::generate_toml(&KeyId::parse("k1")?);
        write_private(&folder.path().join("keys.toml"), ring.as_bytes())?;
        let edge_text = format!(
            "base_domain = \"arca.test\"\nsite_url = \"https://arca.test\"\n\
             listen = [\"{}\"]\nadmin_listen = \"{}\"\nadmin_token = \"{EDGE_TOKEN}\"\n\
             site_upstream = \"http://{}\"\nkeys_file = \"{}\"\nstore = \"{}\"\nthreads = 2\n\
             grace_seconds = 1\n[tls]\nlisten = [\"{}\"]\n[log]\naccess = \"{}\"\n",
            plain.address(),
            admin.address(),
            site.address(),
            path("keys.toml"),
            path("routes.redb"),
            tls.address(),
            path("access.log"),
        );
        write_private(&folder.path().join("edge.toml"), edge_text.as_bytes())?;
        let control_text = format!(
            "base_domain = \"arca.test\"\nsite_url = \"https://arca.test\"\n\
             site_listen = \"{}\"\napi_listen = \"{}\"\ndatabase_url = \"sqlite://{}\"\n\
             keys_file = \"{}\"\nadmin_key = \"{ADMIN_KEY}\"\n[publish]\nsweep_seconds = 1\n\
             [tasks]\nsweep_seconds = 1\n[[edges]]\nname = \"edge-1\"\nurl = \"http://{}\"\n\
             token = \"{EDGE_TOKEN}\"\n[certificates]\ndirectory = \"{}\"\nca_file = \"{}\"\n\
             contact = \"ops@arca.test\"\n{}",
            site.address(),
            api.address(),
            path("control.db"),
            path("keys.toml"),
            admin.address(),
            pebble.directory(),
            pebble.ca_file().display(),
            certificates(&pebble, folder.path()),
        );
        write_private(&folder.path().join("control.toml"), control_text.as_bytes())?;
        let program = |name: &str| {
            let log = folder.path().join(format!("{name}.log"));
            let program = Program::new(name, binaries::program(name)?, log);
            anyhow::Ok(program.environment(census::MARK, folder.path()))
        };
        let edge = program("edge")?.argument("--config").argument(path("edge.toml"));
        let control = program("control")?.argument("serve").argument("--config");
        let control = control.argument(path("control.toml"));
        edge.start()?;
        control.start()?;
        Ok(Self { edge, control, tls, api, pebble, folder, site, _ports: [plain, admin] })
    }

    /// Waits until visitors of `name` are shown a certificate of the authority.
    async fn until_shown(&self, client: &TlsConnector, name: &'static str) {
        wait_until("visitors are shown a certificate of the authority", async || {
            self.control.ensure_running()?;
            let shown = handshake(self.tls.address(), client, name).await;
            shown.with_context(|| self.logs())
        })
        .await
        .unwrap();
    }

    async fn client(&self) -> anyhow::Result<TlsConnector> {
        let mut roots = RootCertStore::empty();
        let root = self.pebble.issuing_root().await?;
        roots.add(CertificateDer::from_pem_slice(root.as_bytes())?)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Arc::new(config).into())
    }

    async fn promise(&self) -> anyhow::Result<Value> {
        let url = format!("http://{}/api/status", self.api.address());
        let request = e2e::http::client().build()?.get(url).bearer_auth(ADMIN_KEY);
        let status: Value = request.send().await?.json().await?;
        let promises = status["promises"].as_array().context("no promises")?;
        let found = promises.iter().find(|promise| promise["name"] == "certificate");
        Ok(found.context("no promise of a certificate")?.clone())
    }

    /// One call of the operator's API.
    async fn operate(&self, method: Method, path: &str, body: Value) -> anyhow::Result<Value> {
        let url = format!("http://{}{path}", self.api.address());
        let request = e2e::http::client().build()?.request(method, url).bearer_auth(ADMIN_KEY);
        Ok(request.json(&body).send().await?.error_for_status()?.json().await?)
    }

    /// Sends a form of the site with the cookie of a former answer; returns the one of this.
    async fn submit(
        &self,
        path: &str,
        fields: &[(&str, &str)],
        cookie: &str,
    ) -> anyhow::Result<String> {
        let client = e2e::http::client().redirect(reqwest::redirect::Policy::none()).build()?;
        let request = client
            .post(format!("http://{}{path}", self.site.address()))
            .header("host", "arca.test")
            .header("origin", "https://arca.test")
            .header("cookie", cookie)
            .form(fields);
        let answer = request.send().await?;
        ensure(answer.status() == 303, format!("{path}: {}", answer.status()))
            .map_err(anyhow::Error::msg)?;
        let set = answer.headers().get("set-cookie").and_then(|value| value.to_str().ok());
        Ok(set.and_then(|set| set.split(';').next()).unwrap_or_default().to_owned())
    }

    fn logs(&self) -> String {
        format!("{}\n{}", self.control.last_lines(), self.edge.last_lines())
    }
}

/// A whole handshake: chain, name and times are checked as a browser does.
async fn handshake(
    address: SocketAddr,
    client: &TlsConnector,
    name: &'static str,
) -> anyhow::Result<CertificateDer<'static>> {
    let tcp = TcpStream::connect(address).await?;
    let stream = client.connect(ServerName::try_from(name)?, tcp).await?;
    let shown = stream.get_ref().1.peer_certificates().context("no certificate")?;
    Ok(shown[0].clone().into_owned())
}

/// Sets records of Pebble's DNS, as an operator's hook sets those of a registrar.
fn write_hook(pebble: &Pebble, folder: &Path) -> anyhow::Result<String> {
    let path = folder.join("dns-hook");
    let management = pebble.dns_management();
    let (host, port) = (management.ip(), management.port());
    let script = format!(
        "#!/bin/bash\nset -euo pipefail\ncase $1 in add) path=/set-txt ;; remove) path=/clear-txt ;; esac\n\
         body='{{\"host\":\"'$2'.\",\"value\":\"'$3'\"}}'\nexec 3<>/dev/tcp/{host}/{port}\n\
         printf 'POST %s HTTP/1.0\\r\\nContent-Length: %d\\r\\n\\r\\n%s' \"$path\" \"${{#body}}\" \"$body\" >&3\n\
         read -r _ status _ <&3\n[ \"$status\" = 200 ] || {{ echo \"DNS answers $status\" >&2; exit 1; }}\n"
    );
    std::fs::write(&path, script)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700))?;
    Ok(path.display().to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Pebble and a minute: make test-acme"]
async fn a_wildcard_is_issued_and_renewed_while_clients_connect() {
    let installation = Installation::start(|pebble, folder| {
        let hook = write_hook(pebble, folder).unwrap();
        format!("challenge = \"hook\"\nhook = \"{hook}\"\npropagation_seconds = 0\n")
    });
    let installation = installation.await.unwrap();
    let (address, client) = (installation.tls.address(), installation.client().await.unwrap());
    installation.until_shown(&client, "ada.arca.test").await;
    handshake(address, &client, "arca.test").await.unwrap();

    let is_over = Arc::new(AtomicBool::new(false));
    let (done, failed) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let visitors: Vec<_> = (0..4)
        .map(|_| {
            let (client, is_over) = (client.clone(), Arc::clone(&is_over));
            let (done, failed) = (Arc::clone(&done), Arc::clone(&failed));
            tokio::spawn(async move {
                while !is_over.load(Ordering::Relaxed) {
                    match handshake(address, &client, "ada.arca.test").await {
                        Ok(_) => done.fetch_add(1, Ordering::Relaxed),
                        Err(error) => {
                            eprintln!("a handshake failed: {error:#}");
                            failed.fetch_add(1, Ordering::Relaxed)
                        }
                    };
                }
            })
        })
        .collect();
    let mut seen = BTreeSet::new();
    wait_until_within(5 * LIFE, "it was renewed", async || {
        seen.insert(handshake(address, &client, "ada.arca.test").await?.to_vec());
        ensure(seen.len() > RENEWALS, format!("{} certificates", seen.len()))
            .map_err(anyhow::Error::msg)
    })
    .await
    .unwrap();
    let promise = installation.promise().await.unwrap();
    assert_eq!(promise["standing"], "kept", "{promise}");

    // Control goes, and the edge starts anew: it has the last good pair of its own.
    is_over.store(true, Ordering::Relaxed);
    for visitor in visitors {
        visitor.await.unwrap();
    }
    let (done, failed) = (done.load(Ordering::Relaxed), failed.load(Ordering::Relaxed));
    installation.control.stop();
    installation.edge.stop();
    installation.edge.start().unwrap();
    wait_until("the edge shows what it has kept", async || {
        handshake(address, &client, "ada.arca.test").await
    })
    .await
    .unwrap();
    eprintln!("{done} handshakes over {} certificates, {failed} failed", seen.len());
    assert_eq!(failed, 0);
    let rows = std::fs::read(installation.folder.path().join("control.db")).unwrap();
    let is_readable = |rows: &[u8]| rows.windows(11).any(|bytes| bytes == b"PRIVATE KEY");
    assert!(!is_readable(&rows), "keys are sealed in the database");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Pebble: make test-acme"]
async fn a_wildcard_is_proven_by_cloudflares_records_and_none_is_left() {
    let fake = Cloudflare::start("cf_token_of_a_story", "arca.test").await.unwrap();
    let lines = |pebble: &Pebble, _: &Path| {
        fake.tell_on_to(pebble.dns_management());
        format!(
            "challenge = \"cloudflare\"\ncloudflare_url = \"http://{}\"\n\
             cloudflare_token = \"cf_token_of_a_story\"\npropagation_seconds = 0\n",
            fake.address
        )
    };
    let installation = Installation::start(lines).await.unwrap();
    let client = installation.client().await.unwrap();
    installation.until_shown(&client, "ada.arca.test").await;
    assert!(fake.added() > 0);
    assert_eq!(fake.records(), []);
}

/// BIND with the zone of the installation, which takes updates of one record by one key.
struct NameServer {
    server: Program,
    port: Port,
    folder: tempfile::TempDir,
}

const ZONE: &str = "$TTL 60\n@ SOA ns1 hostmaster 1 60 60 60 60\n@ NS ns1\nns1 A 127.0.0.1\n\
                    @ A 127.0.0.1\n* A 127.0.0.1\n";

impl NameServer {
    async fn start() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("arcamatrix-").tempdir()?;
        let port = Port::claim()?;
        let key = std::process::Command::new("tsig-keygen").arg("arca").output()?;
        ensure(key.status.success(), "no key was made").map_err(anyhow::Error::msg)?;
        std::fs::write(folder.path().join("tsig.key"), &key.stdout)?;
        std::fs::write(folder.path().join("zone"), ZONE)?;
        let config = format!(
            "include \"{0}/tsig.key\";\ncontrols {{ }};\n\
             options {{ directory \"{0}\"; recursion no;\n\
             listen-on port {1} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; pid-file none;\n\
             session-keyfile none; dnssec-validation no; empty-zones-enable no; }};\n\
             zone \"arca.test\" {{ type primary; file \"zone\"; update-policy {{\n\
             grant arca name _acme-challenge.arca.test. TXT; }}; }};\n",
            folder.path().display(),
            port.number(),
        );
        std::fs::write(folder.path().join("named.conf"), config)?;
        let server = Program::new("named", "named".into(), folder.path().join("named.log"));
        let server = server.environment(census::MARK, folder.path()).argument("-g");
        let server = server.argument("-c").argument(folder.path().join("named.conf"));
        server.start().context("is the Debian package `bind9` installed?")?;
        let server = Self { server, port, folder };
        wait_until("the name server answers", async || {
            server.server.ensure_running()?;
            ensure(server.texts("ns1.arca.test", "A")? == "127.0.0.1", server.server.last_lines())
                .map_err(anyhow::Error::msg)
        })
        .await?;
        Ok(server)
    }

    fn texts(&self, name: &str, kind: &str) -> anyhow::Result<String> {
        let mut command = std::process::Command::new("dig");
        let command = command.args(["@127.0.0.1", "-p", &self.port.number().to_string()]);
        let output = command.args(["+short", "+tries=1", "+time=2", name, kind]).output()?;
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }

    /// The hook that the document for operators has, for this server and its key.
    fn write_hook(&self) -> anyhow::Result<String> {
        let text = include_str!("../../../docs/operating.md");
        let begin = text.find("#!/bin/sh").context("no hook")?;
        let hook = text[begin..].split("```").next().unwrap_or_default();
        let key = self.folder.path().join("tsig.key").display().to_string();
        let here = hook
            .replace("ns1.example.com", &format!("127.0.0.1 {}", self.port.number()))
            .replace("/etc/arcamatrix/tsig.key", &key);
        ensure(here.contains(&key) && here.contains("127.0.0.1 "), "it names others")
            .map_err(anyhow::Error::msg)?;
        let path = self.folder.path().join("dns-hook");
        std::fs::write(&path, here)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700))?;
        Ok(path.display().to_string())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Pebble and BIND: make test-acme"]
async fn a_wildcard_is_proven_by_dynamic_updates_as_operators_are_told() {
    let name_server = NameServer::start().await.unwrap();
    let hook = name_server.write_hook().unwrap();
    let lines = |_: &Pebble, _: &Path| {
        format!("challenge = \"hook\"\nhook = \"{hook}\"\npropagation_seconds = 0\n")
    };
    let dns = Some(name_server.port.address());
    let installation = Installation::start_with_dns(dns, lines).await.unwrap();
    let client = installation.client().await.unwrap();
    installation.until_shown(&client, "ada.arca.test").await;
    wait_until("no record is left", async || {
        let left = name_server.texts("_acme-challenge.arca.test", "TXT")?;
        ensure(left.is_empty(), left).map_err(anyhow::Error::msg)
    })
    .await
    .unwrap();
    let log = std::fs::read_to_string(name_server.server.log()).unwrap();
    assert!(log.contains("adding an RR at '_acme-challenge.arca.test' TXT"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Pebble: make test-acme"]
async fn a_single_host_is_proven_by_the_edges() {
    let lines = |_: &Pebble, _: &Path| "challenge = \"http\"\nnames = [\"arca.test\"]\n".to_owned();
    let installation = Installation::start(lines).await.unwrap();
    let (address, client) = (installation.tls.address(), installation.client().await.unwrap());
    installation.until_shown(&client, "arca.test").await;
    let other = handshake(address, &client, "ada.arca.test").await;
    assert!(other.is_err(), "it is of one name");
}

const CHAT: &str = "chat.example.org";

/// The head of the answer to whoever comes to the customer's own domain.
async fn visit(address: SocketAddr, client: &TlsConnector) -> anyhow::Result<String> {
    let tcp = TcpStream::connect(address).await?;
    let mut stream = client.connect(ServerName::try_from(CHAT)?, tcp).await?;
    let request = format!(
        "GET /x HTTP/1.1\r\nHost: {CHAT}\r\nAccept: text/html\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Pebble: make test-acme"]
async fn a_customers_own_domain_is_served_once_its_record_is_set_until_it_is_removed() {
    let lines = |pebble: &Pebble, _: &Path| {
        let dns = pebble.dns();
        format!("challenge = \"http\"\nnames = [\"arca.test\"]\n[domains]\nresolver = \"{dns}\"\n")
    };
    let installation = Installation::start(lines).await.unwrap();
    let (address, client) = (installation.tls.address(), installation.client().await.unwrap());
    installation.until_shown(&client, "arca.test").await;
    let password = "violet-kettle-orbit-97";
    let ada = json!({ "username": "ada", "email": "ada@mail.test", "password": password });
    installation.operate(Method::POST, "/api/customers", ada).await.unwrap();
    let route = json!({ "upstream": "https://ada-1.sprites.test" });
    installation.operate(Method::PUT, "/api/routes/ada", route).await.unwrap();
    let fields = [("username", "ada"), ("password", password)];
    let cookie = installation.submit("/login", &fields, "").await.unwrap();
    installation.submit("/account/domain", &[("domain", CHAT)], &cookie).await.unwrap();
    let state = async || {
        let ada = installation.operate(Method::GET, "/api/workspaces/ada", Value::Null).await?;
        anyhow::Ok(ada["domains"][0].clone())
    };
    wait_until("its record is looked for", async || {
        let seen = state().await?;
        ensure(seen["why"] == "chat.example.org: no CNAME", seen).map_err(anyhow::Error::msg)
    })
    .await
    .unwrap();
    assert!(handshake(address, &client, CHAT).await.is_err(), "nobody has proven it");

    installation.pebble.set_cname(CHAT, "ada.arca.test").await.unwrap();
    wait_until("it is served", async || {
        let answer = visit(address, &client).await.with_context(|| installation.logs())?;
        let is_served = answer.contains("\r\nlocation: /auth/login?return=/x\r\n");
        ensure(is_served, answer).map_err(anyhow::Error::msg)
    })
    .await
    .unwrap();
    assert_eq!(state().await.unwrap()["state"], "live");
    let rows = std::fs::read(installation.folder.path().join("control.db")).unwrap();
    assert!(!rows.windows(11).any(|bytes| bytes == b"PRIVATE KEY"), "keys are sealed");

    let fields = [("domain", CHAT)];
    installation.submit("/account/domain/remove", &fields, &cookie).await.unwrap();
    // The former client goes on by its ticket, and finds nobody; another one is shown no
    // certificate for it.
    let answer = visit(address, &client).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    let other = installation.client().await.unwrap();
    assert!(handshake(address, &other, CHAT).await.is_err(), "before it is answered");
}
