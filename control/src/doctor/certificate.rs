//! The certificate that control obtains: how it stands, and whether what it takes is there.

use reqwest::StatusCode;
use serde::Deserialize;

use super::finding::Finding;
use super::network::ask_control;
use crate::certificates::{CertificatesConfig, ProofConfig};
use crate::model::promise::{Promise, Standing};
use crate::serve::config::Config;
use vendors::cloudflare::Cloudflare;

const CHECK: &str = "certificate";

#[derive(Deserialize)]
struct Status {
    promises: Vec<Promise>,
}

pub(super) async fn examine(config: &Config) -> Vec<Finding> {
    let Some(certificates) = &config.certificates else {
        let says = "there is no [certificates]: the edges have files of their own";
        return vec![Finding::unknown(CHECK, says)];
    };
    vec![standing(config).await, authority(certificates).await, proof(certificates).await]
}

/// As the program that serves says.
async fn standing(config: &Config) -> Finding {
    let answer = ask_control(config, "/api/status").await;
    let status = match answer {
        Ok(answer) if answer.status() == StatusCode::OK => answer.json::<Status>().await.ok(),
        _ => None,
    };
    let promise = status.and_then(|status| {
        status.promises.into_iter().find(|promise| promise.name == "certificate")
    });
    match promise {
        None => Finding::unknown(CHECK, "control does not say how it stands"),
        Some(Promise { standing: Standing::Kept, says, .. }) => Finding::well(CHECK, says),
        Some(Promise { says, todo, .. }) => Finding::ill(CHECK, says, todo.unwrap_or_default()),
    }
}

async fn authority(config: &CertificatesConfig) -> Finding {
    let check = "certificate authority";
    let url = &config.directory.url;
    match config.directory.look().await {
        Ok(()) => Finding::well(check, format!("{url} answers")),
        Err(error) => Finding::ill(
            check,
            error.to_string(),
            "See whether directory in [certificates] is right, and reached from this machine; one \
             of your own needs ca_file.",
        ),
    }
}

async fn proof(config: &CertificatesConfig) -> Finding {
    let check = "certificate proof";
    match &config.proof {
        ProofConfig::Hook { program, .. } => {
            Finding::well(check, format!("{} sets records of DNS", program.display()))
        }
        ProofConfig::Http => Finding::well(
            check,
            "the edges answer the authority on port 80, which has to be open to everybody",
        ),
        ProofConfig::Cloudflare { url, token, .. } => {
            let name = config.names.first().map_or("", |name| name.trim_start_matches("*."));
            let asked = async { anyhow::Ok(Cloudflare::new(url, token)?.zone_of(name).await?) };
            match asked.await {
                Ok(_) => Finding::well(check, format!("Cloudflare has a zone for {name}")),
                Err(error) => Finding::ill(
                    check,
                    format!("{error:#}"),
                    "The token needs Zone.DNS:Edit and Zone:Read of the zone that the names are in.",
                ),
            }
        }
    }
}
