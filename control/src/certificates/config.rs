//! `[certificates]`: which authority is asked for which names, and how they are proven.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::Certificate;
use shared::process::{Section, named_file};
use shared::{Secret, Upstream};

use crate::base::email_address::Email;
use vendors::acme::Directory;

const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";

const CLOUDFLARE: &str = "https://api.cloudflare.com";

/// Let's Encrypt's own bound.
const NAMES_MAX: usize = 100;

#[derive(Clone)]
pub struct CertificatesConfig {
    pub directory: Directory,
    /// Whom the authority writes to when something is wrong.
    pub contact: Email,
    /// None of them twice.
    pub names: Vec<String>,
    pub proof: ProofConfig,
}

/// How the authority is shown that a name is ours.
#[derive(Clone)]
pub enum ProofConfig {
    /// A program that adds and removes a TXT record, and how long one takes to be seen.
    Hook {
        program: PathBuf,
        propagation: Duration,
    },
    Cloudflare {
        url: Upstream,
        token: Secret<String>,
        propagation: Duration,
    },
    /// A page at each edge. Not for wildcards.
    Http,
}

impl CertificatesConfig {
    /// `base_domain` and all names under it are the names where none are listed. `None` after a
    /// complaint.
    pub fn from_section(section: &mut Section<'_>, base_domain: Option<&str>) -> Option<Self> {
        let url = section.optional("directory", parse_directory);
        let roots = section.optional("ca_file", read_certificates);
        let contact = section.required("contact", Email::parse);
        let names = section.list("names", parse_name);
        let challenge = section.string("challenge");
        let propagation = section.seconds("propagation_seconds", 0..=600, 30);
        let program = section.optional("hook", parse_program);
        let cloudflare = section.optional("cloudflare_url", Upstream::parse);
        let is_cloudflare = challenge.as_deref() == Some("cloudflare");
        let token = is_cloudflare
            .then(|| section.secret("cloudflare_token", "cloudflare_token_file"))
            .flatten();
        let default = || vec![base_domain.unwrap_or_default().to_owned(), wildcard(base_domain)];
        let names = if names.is_empty() { default() } else { names };
        let proof = match challenge?.as_str() {
            "hook" => {
                if program.is_none() {
                    section.complain("hook", "names the program that sets the records of DNS");
                }
                ProofConfig::Hook { program: program?, propagation }
            }
            "cloudflare" => {
                let url = cloudflare.or_else(|| Upstream::parse(CLOUDFLARE).ok());
                ProofConfig::Cloudflare { url: url?, token: token?, propagation }
            }
            "http" => {
                if names.iter().any(|name| name.starts_with("*.")) {
                    let says = "have a wildcard, which only a record of DNS proves: challenge = \
                                \"hook\" or \"cloudflare\", or list single names";
                    section.complain("names", says);
                }
                ProofConfig::Http
            }
            _ => {
                section.complain("challenge", "is \"hook\", \"cloudflare\" or \"http\"");
                return None;
            }
        };
        let is_double = |(at, name): (usize, &String)| names[..at].contains(name);
        if names.len() > NAMES_MAX || names.iter().enumerate().any(is_double) {
            section.complain("names", "are at most a hundred, each once");
        }
        let directory = Directory { url: url.unwrap_or_else(|| LETS_ENCRYPT.to_owned()), roots };
        Some(Self { directory, contact: contact?, names, proof })
    }
}

fn wildcard(base_domain: Option<&str>) -> String {
    format!("*.{}", base_domain.unwrap_or_default())
}

fn parse_directory(text: &str) -> Result<String, &'static str> {
    let rest = text.strip_prefix("https://").filter(|rest| !rest.starts_with('/'));
    let fits = rest.is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_graphic()));
    if fits { Ok(text.to_owned()) } else { Err("is a URL that begins with https://") }
}

/// A name of DNS in lower case, perhaps with `*.` before it.
fn parse_name(text: &str) -> Result<String, &'static str> {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let name = text.strip_prefix("*.").unwrap_or(text);
    let fits = text.len() <= 253 && name.contains('.') && name.split('.').all(is_label);
    if fits {
        Ok(text.to_owned())
    } else {
        Err("are names of DNS in lower case, such as arcamatrix.com and *.arcamatrix.com")
    }
}

fn parse_program(path: &str) -> Result<PathBuf, String> {
    let mode = Path::new(path)
        .metadata()
        .map_err(|error| format!("{path}: {error}"))
        .map(|metadata| metadata.permissions().mode())?;
    if mode & 0o111 == 0 {
        return Err(format!("{path} is not executable"));
    }
    Ok(path.into())
}

fn read_certificates(path: &str) -> Result<Vec<Certificate>, String> {
    let pem = named_file::read(Path::new(path), named_file::MAX_BYTES)
        .map_err(|error| format!("{path} cannot be read: {error}"))?;
    Certificate::from_pem_bundle(&pem)
        .ok()
        .filter(|certificates| !certificates.is_empty())
        .ok_or_else(|| format!("{path} has no certificate in PEM"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use shared::process::Document;

    use super::*;

    fn read(text: &str) -> Result<CertificatesConfig, String> {
        let document = Document::from_text(Path::new("c.toml"), text.to_owned());
        let read = document.check(|root| CertificatesConfig::from_section(root, Some("arca.test")));
        read.map_err(|complaints| complaints.to_string())
    }

    #[test]
    fn the_base_domain_with_all_names_under_it_is_the_default() {
        let config =
            read("contact = 'a@b.test'\nchallenge = 'hook'\nhook = '/bin/true'\n").unwrap();
        assert_eq!(config.names, ["arca.test", "*.arca.test"]);
        assert_eq!(config.directory.url, LETS_ENCRYPT);
    }

    #[test]
    fn what_cannot_work_is_complained_about_at_once() {
        let check = |text: &str, expected: &[&str]| {
            let complaints = read(text).err().unwrap_or_default();
            for expected in expected {
                assert!(complaints.contains(expected), "{expected}: {complaints}");
            }
        };
        let lines = "directory = 'http://a.test/d'\ncontact = 'nobody'\nchallenge = 'dns'\n\
                     names = ['Arca.test']\n";
        check(lines, &["directory: ", "contact: ", "challenge: is ", "names"]);
        check("contact = 'a@b.test'\nchallenge = 'http'\n", &["names: have a wildcard"]);
        check("contact = 'a@b.test'\nchallenge = 'hook'\n", &["hook: names the program"]);
        check(
            "contact = 'a@b.test'\nchallenge = 'hook'\nhook = '/proc/version'\n",
            &["executable"],
        );
        check("contact = 'a@b.test'\nchallenge = 'cloudflare'\n", &["cloudflare_token"]);
    }
}
