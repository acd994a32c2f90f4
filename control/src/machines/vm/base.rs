//! What every sprite is given before it is anybody's: files and an install command.
//!
//! The hash of all of it names a base: a sprite says by it what it was made of.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use shared::owner_tools;
use shared::process::{Section, named_file};

/// As read, and complete: the files are there.
#[derive(Debug, Clone)]
pub struct Base {
    pub files: Vec<BaseFile>,
    /// Run by `sh` after the files are there, in the user's home; empty when there is nothing to run.
    pub install: String,
    pub install_time: Duration,
    /// The agent's program and first arguments, in the VM.
    pub agent: Vec<String>,
    /// The gateway's, up to and without `gateway run`.
    pub gateway: Vec<String>,
    /// As the gateway names itself: a configuration belongs to a version. With it, the fleet is
    /// looked after.
    pub gateway_version: Option<String>,
    /// Who runs commands in the VM, and whose the agent's files are.
    pub owner: String,
    /// Who runs the gateway, where the agent may change to somebody else.
    pub gateway_user: Option<String>,
    /// More of the gateway's environment.
    pub environment: Vec<(String, String)>,
    /// What the gateway's configuration is made from.
    pub gateway_config: Value,
    /// What an operator's own does not deny, and each workspace's will (`gateway_config::render`).
    pub undenied: Vec<&'static str>,
    /// How long the agent may take to say that all is well.
    pub ready_time: Duration,
    hash: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseFile {
    pub from: PathBuf,
    /// Absolute, in the VM.
    pub to: String,
    /// As in `chmod`.
    pub mode: u32,
    /// SHA-256 of what it held when the configuration was read.
    digest: [u8; 32],
}

/// The program of a file, and room to spare. It is held in memory while it is sent.
const FILE_MAX_BYTES: u64 = 256 << 20;

/// What the gateway is told where the operator has no wishes.
const GATEWAY_CONFIG: &str = include_str!("gateway.json");

/// Of the user that the provider's commands run as.
const OWNER: &str = "sprite";

impl Base {
    /// Reads `[base]`.
    pub fn from_section(base: &mut Section<'_>) -> Option<Self> {
        let files = base.tables("files", BaseFile::from_section);
        let install = base.optional("install", no_nul).unwrap_or_default();
        let agent = command(base, "agent");
        let gateway = command(base, "gateway");
        let gateway_version = base.optional("gateway_version", version);
        let owner = base.optional("owner", user).unwrap_or_else(|| OWNER.to_owned());
        let gateway_user = base.optional("gateway_user", user);
        let environment = base.map("environment");
        let default = serde_json::from_str(GATEWAY_CONFIG).expect("ours is JSON");
        let own = base.optional("gateway_config", read_json);
        let undenied = own.as_ref().map(owner_tools::missing).unwrap_or_default();
        let gateway_config = own.unwrap_or(default);
        let install_time = base.seconds("install_seconds", 1..=1_500, 600);
        let ready_time = base.seconds("ready_seconds", 1..=540, 180);
        let hash = hash(&files, &install, gateway_version.as_deref());
        Some(Self {
            files,
            install,
            install_time,
            agent: agent?,
            gateway: gateway?,
            gateway_version,
            owner,
            gateway_user,
            environment,
            gateway_config,
            undenied,
            ready_time,
            hash,
        })
    }

    /// [`Self::install`], told which version of OpenClaw is wanted.
    pub fn script(&self) -> String {
        match &self.gateway_version {
            Some(version) => format!("export OPENCLAW_VERSION={version}\n{}", self.install),
            None => self.install.clone(),
        }
    }

    /// Sixteen hexadecimal digits.
    pub fn hash(&self) -> &str {
        &self.hash
    }
}

impl BaseFile {
    fn from_section(file: &mut Section<'_>) -> Option<Self> {
        let from = file.required("from", |path| {
            let content = read(Path::new(path))?;
            Ok::<_, String>((PathBuf::from(path), Sha256::digest(&content).into()))
        });
        let to = file.required("to", absolute);
        let mode = file.optional("mode", mode).unwrap_or(0o644);
        let (from, digest) = from?;
        Some(Self { from, to: to?, mode, digest })
    }

    /// What is to be sent. Blocks while it reads.
    ///
    /// # Errors
    /// It cannot be read, or is not what it was when the configuration was read: then
    /// the base's hash would lie.
    pub fn content(&self) -> anyhow::Result<Bytes> {
        let content = read(&self.from).map_err(anyhow::Error::msg)?;
        let digest: [u8; 32] = Sha256::digest(&content).into();
        if digest != self.digest {
            anyhow::bail!(
                "{} has changed since control was started; start it again to use the new one",
                self.from.display()
            );
        }
        Ok(content.into())
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let content = named_file::read(path, FILE_MAX_BYTES);
    content.map_err(|error| format!("{} cannot be read: {error}", path.display()))
}

/// Each part with its length before it, so that no two bases look the same.
fn hash(files: &[BaseFile], install: &str, version: Option<&str>) -> String {
    let mut hasher = Sha256::new();
    let mut add = |part: &[u8]| {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    };
    for file in files {
        add(file.to.as_bytes());
        add(&file.mode.to_be_bytes());
        add(&file.digest);
    }
    add(install.as_bytes());
    if let Some(version) = version {
        add(version.as_bytes());
    }
    hasher.finalize().iter().take(8).fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("writing to a string");
        hex
    })
}

fn command(base: &mut Section<'_>, key: &'static str) -> Option<Vec<String>> {
    let words = base.list(key, no_nul);
    if words.first().is_none_or(String::is_empty) {
        base.complain(key, "needs at least the program to run");
        return None;
    }
    Some(words)
}

fn no_nul(text: &str) -> Result<String, &'static str> {
    if text.contains('\0') { Err("contains a NUL") } else { Ok(text.to_owned()) }
}

fn absolute(text: &str) -> Result<String, &'static str> {
    if text.starts_with('/') && !text.contains('\0') {
        Ok(text.to_owned())
    } else {
        Err("is not an absolute path")
    }
}

fn mode(text: &str) -> Result<u32, &'static str> {
    let mode = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o777);
    mode.ok_or("is not a mode such as \"0755\"")
}

fn version(text: &str) -> Result<String, &'static str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'+');
    let fits = (1..=64).contains(&text.len()) && text.bytes().all(is_plain);
    if fits { Ok(text.to_owned()) } else { Err("is not a version, such as 2026.9.6") }
}

fn user(text: &str) -> Result<String, &'static str> {
    let fits = (1..=32).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        && !text.starts_with('-');
    if fits { Ok(text.to_owned()) } else { Err("is not the name of a user") }
}

fn read_json(path: &str) -> Result<Value, String> {
    let text = named_file::read_text(Path::new(path))
        .map_err(|error| format!("{path} cannot be read: {error}"))?;
    let value: Value =
        serde_json::from_str(&text).map_err(|error| format!("{path} is not JSON: {error}"))?;
    if value.is_object() { Ok(value) } else { Err(format!("{path} is not a JSON object")) }
}

#[cfg(test)]
pub(crate) mod tests {
    use shared::process::Document;

    use super::*;

    fn parse(text: &str) -> Result<Base, String> {
        let document = Document::from_text(Path::new("control.toml"), text.to_owned());
        document
            .check(|root| root.table("base", Base::from_section))
            .map_err(|complaints| complaints.to_string())
    }

    /// Without files; the programs stand where the demo has them.
    pub(crate) fn base() -> Base {
        parse("[base]\nagent = ['/opt/agent']\ngateway = ['/opt/openclaw']\n").unwrap()
    }

    #[test]
    fn a_base_is_known_by_what_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("agent");
        let text = |mode: &str| {
            format!(
                "[base]\nagent = ['/a']\ngateway = ['/g']\ninstall = 'true'\n\
                 files = [{{ from = '{}', to = '/a', mode = '{mode}' }}]\n",
                file.display()
            )
        };
        std::fs::write(&file, "one").unwrap();
        let base = parse(&text("0755")).unwrap();
        assert_eq!(base.files[0].content().unwrap(), "one");
        assert_eq!(parse(&text("0755")).unwrap().hash(), base.hash());
        assert_ne!(parse(&text("0700")).unwrap().hash(), base.hash());
        std::fs::write(&file, "two").unwrap();
        assert_ne!(parse(&text("0755")).unwrap().hash(), base.hash());
        let error = base.files[0].content().unwrap_err().to_string();
        assert!(error.ends_with("start it again to use the new one"), "{error}");
    }

    #[test]
    fn only_an_operators_own_gateway_configuration_can_deny_too_little() {
        assert!(base().undenied.is_empty());
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("openclaw.json");
        std::fs::write(&own, r#"{"tools":{"deny":["gateway"]}}"#).unwrap();
        let text = format!("[base]\nagent = ['/a']\ngateway = ['/g']\ngateway_config = {own:?}\n");
        assert_eq!(parse(&text).unwrap().undenied, owner_tools::DENIED[1..]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let complaints = parse(
            "[base]\nagent = []\ngateway_user = 'a b'\ngateway_config = '/nowhere'\n\
             files = [{ from = '/nowhere', to = 'x', mode = '9' }]\n",
        );
        let complaints = complaints.unwrap_err();
        for expected in [
            "base.agent: needs at least the program to run",
            "base.gateway: needs at least the program to run",
            "base.gateway_user: is not the name of a user",
            "base.gateway_config: /nowhere cannot be read",
            "base.files[0].from: /nowhere cannot be read",
            "base.files[0].to: is not an absolute path",
            "base.files[0].mode: is not a mode",
        ] {
            assert!(complaints.contains(expected), "{expected}\n{complaints}");
        }
    }
}
