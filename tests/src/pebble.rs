//! Pebble, a certificate authority for tests, with DNS of its own (Debian: `pebble`).
//!
//! It proves names for real: records in its DNS, pages at whoever listens on `http_port`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use serde_json::json;

use crate::{Port, Program, census, wait_until};

pub struct Pebble {
    authority: Program,
    dns: Program,
    listen: Port,
    management: Port,
    dns_management: Port,
    folder: PathBuf,
    client: reqwest::Client,
    dns_port: Port,
}

impl Pebble {
    /// Issues certificates that are good for `life`; every name leads to 127.0.0.1.
    ///
    /// # Errors
    /// When it is not installed, or does not start.
    pub async fn start(folder: &Path, http_port: u16, life: Duration) -> anyhow::Result<Self> {
        Self::start_with_dns(folder, http_port, life, None).await
    }

    /// As [`Pebble::start`]; looks for records at `name_server` instead of its own.
    ///
    /// # Errors
    /// As [`Pebble::start`].
    pub async fn start_with_dns(
        folder: &Path,
        http_port: u16,
        life: Duration,
        name_server: Option<SocketAddr>,
    ) -> anyhow::Result<Self> {
        let (listen, management) = (Port::claim()?, Port::claim()?);
        let (dns_port, dns_management) = (Port::claim()?, Port::claim()?);
        let folder = folder.to_owned();
        let root = write_own_certificate(&folder)?;
        let config = json!({ "pebble": {
            "listenAddress": listen.address().to_string(),
            "managementListenAddress": management.address().to_string(),
            "certificate": folder.join("pebble.pem"),
            "privateKey": folder.join("pebble.key"),
            "httpPort": http_port,
            "tlsPort": 9,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": false,
            "certificateValidityPeriod": life.as_secs(),
        }});
        std::fs::write(folder.join("pebble.json"), config.to_string())?;
        let dns_address = dns_port.address().to_string();
        let none = ["-http01", "", "-https01", "", "-tlsalpn01", "", "-defaultIPv6", ""];
        let dns = none.iter().fold(program("pebble-challtestsrv", &folder), |program, argument| {
            program.argument(*argument)
        });
        let dns = dns
            .argument("-dns01")
            .argument(&dns_address)
            .argument("-management")
            .argument(dns_management.address().to_string());
        let authority = program("pebble", &folder)
            .argument("-config")
            .argument(folder.join("pebble.json"))
            .argument("-dnsserver")
            .argument(name_server.map_or_else(|| dns_address.clone(), |it| it.to_string()))
            .environment("PEBBLE_VA_NOSLEEP", "1");
        let client = crate::http::client()
            .no_proxy()
            .tls_certs_only([reqwest::Certificate::from_pem(root.as_bytes())?])
            .build()?;
        dns.start().context("is the Debian package `pebble` installed?")?;
        authority.start()?;
        let pebble =
            Self { authority, dns, listen, management, dns_management, folder, client, dns_port };
        wait_until("pebble answers", async || pebble.look().await).await?;
        Ok(pebble)
    }

    pub fn directory(&self) -> String {
        format!("https://{}/dir", self.listen.address())
    }

    /// By which its own listener is believed, in PEM.
    pub fn ca_file(&self) -> PathBuf {
        self.folder.join("pebble-ca.pem")
    }

    /// Where its DNS is asked.
    pub fn dns(&self) -> SocketAddr {
        self.dns_port.address()
    }

    /// From now on `host` leads to `target`.
    ///
    /// # Errors
    /// When its DNS does not take it.
    pub async fn set_cname(&self, host: &str, target: &str) -> anyhow::Result<()> {
        let url = format!("http://{}/set-cname", self.dns_management.address());
        let body = json!({ "host": format!("{host}."), "target": format!("{target}.") });
        let client = crate::http::client().no_proxy().build()?;
        client.post(url).body(body.to_string()).send().await?.error_for_status()?;
        Ok(())
    }

    /// Where records of its DNS are set: `/set-txt`, `/clear-txt`.
    pub fn dns_management(&self) -> SocketAddr {
        self.dns_management.address()
    }

    /// By which what it issues is believed, in PEM.
    ///
    /// # Errors
    /// When it does not say.
    pub async fn issuing_root(&self) -> anyhow::Result<String> {
        let url = format!("https://{}/roots/0", self.management.address());
        Ok(self.client.get(url).send().await?.error_for_status()?.text().await?)
    }

    async fn look(&self) -> anyhow::Result<()> {
        self.dns.ensure_running()?;
        self.authority.ensure_running()?;
        self.client.get(self.directory()).send().await?.error_for_status()?;
        Ok(())
    }
}

fn program(name: &str, folder: &Path) -> Program {
    let log = folder.join(format!("{name}.log"));
    Program::new(name, name.into(), log).environment(census::MARK, folder)
}

/// Of its own listener; returns the authority that has signed it.
fn write_own_certificate(folder: &Path) -> anyhow::Result<String> {
    let mut parameters = CertificateParams::new(Vec::new())?;
    parameters.distinguished_name.push(DnType::CommonName, "authority of a test");
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(parameters, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let own = CertificateParams::new(["127.0.0.1".to_owned()])?.signed_by(&key, &authority)?;
    std::fs::write(folder.join("pebble.pem"), own.pem())?;
    std::fs::write(folder.join("pebble.key"), key.serialize_pem())?;
    std::fs::write(folder.join("pebble-ca.pem"), authority.pem())?;
    Ok(authority.pem())
}
