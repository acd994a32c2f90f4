//! What is reached over the network: ourselves, the edges, names, the site, and the time.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::header::DATE;
use reqwest::{Client, Response, StatusCode};
use shared::process::USER_AGENT;
use shared::process::time::unix_seconds;
use tokio::net::lookup_host;

use super::finding::{Finding, Verdict};
use crate::operator::responses::Edges;
use crate::routes::{EdgeConfig, visit};
use crate::serve::config::Config;

/// For one call of several; a check has twenty seconds for all of them.
const CALL_TIMEOUT: Duration = Duration::from_secs(8);

/// What a clock may be wrong by: an identity that an edge signs is good for a minute.
const SKEW_MAX_SECONDS: u64 = 10;

fn client() -> reqwest::Result<Client> {
    vendors::http_client()
        .timeout(CALL_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(USER_AGENT)
        .build()
}

async fn get(url: &str) -> reqwest::Result<Response> {
    client()?.get(url).send().await
}

/// Without the address, which says nothing that the finding does not say.
fn cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

pub(super) async fn control(config: &Config) -> Finding {
    const CHECK: &str = "control";
    let url = format!("http://{}/readyz", config.api_listen);
    match get(&url).await {
        Ok(answer) if answer.status() == StatusCode::OK => {
            Finding::well(CHECK, format!("it serves on {}", config.api_listen))
        }
        Ok(answer) => Finding::ill(
            CHECK,
            format!("{} answers {}", config.api_listen, answer.status()),
            "Its log says why it is not ready; or another program has taken api_listen.",
        ),
        Err(error) => Finding::ill(
            CHECK,
            format!("it does not answer on {}: {}", config.api_listen, cause(&error)),
            "systemctl status control, or start `control serve`.",
        ),
    }
}

/// One look at the operator's API of the program that serves.
pub(super) async fn ask_control(config: &Config, path: &str) -> reqwest::Result<Response> {
    let url = format!("http://{}{path}", config.api_listen);
    client()?.get(url).bearer_auth(config.admin_key.expose()).send().await
}

pub(super) async fn edges(config: &Config) -> Vec<Finding> {
    let joined = joined(config).await;
    if config.edges.is_empty() && joined.is_empty() {
        let mend = "`control edges token NAME` lets a machine join: nobody is reached without one.";
        return vec![Finding::ill("edges", "there is none", mend)];
    }
    let base = config.site.base_domain();
    let configured = config.edges.iter().map(async |it| match edge(it).await {
        found if found.verdict == Verdict::Well => visited(it, base).await.unwrap_or(found),
        found => found,
    });
    let configured = futures_util::future::join_all(configured).await;
    configured.into_iter().chain(joined).collect()
}

/// Those of the database, as control finds them that runs.
async fn joined(config: &Config) -> Vec<Finding> {
    let Ok(answer) = ask_control(config, "/api/edges").await else { return Vec::new() };
    let Ok(edges) = answer.json::<Edges>().await else { return Vec::new() };
    let joined = edges.edges.into_iter().filter(|edge| !edge.configured);
    joined
        .map(|edge| {
            let check = format!("edge {}", edge.name);
            match edge.error {
                None if edge.reachable => Finding::well(&check, "control reaches it"),
                error => Finding::ill(
                    &check,
                    format!("{}: {}", edge.url, error.as_deref().unwrap_or("not reached yet")),
                    "systemctl status edge on its machine; its admin_listen must be reachable \
                     from here.",
                ),
            }
        })
        .collect()
}

/// Believed by the certificates that its section names, as by the program that serves.
async fn ask(edge: &EdgeConfig, path: &str, token: Option<&str>) -> reqwest::Result<Response> {
    let builder = vendors::http_client().timeout(CALL_TIMEOUT).no_proxy().user_agent(USER_AGENT);
    let builder = match &edge.certificates {
        Some(certificates) => builder.tls_certs_only(certificates.iter().cloned()),
        None => builder,
    };
    let mut request = builder.build()?.get(format!("{}{path}", edge.url));
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    request.send().await
}

async fn edge(edge: &EdgeConfig) -> Finding {
    let check = format!("edge {}", edge.name);
    match ask(edge, "/v1/generation", Some(edge.token.expose())).await {
        Ok(answer) if answer.status() == StatusCode::OK => ready(&check, edge).await,
        Ok(answer) if answer.status() == StatusCode::UNAUTHORIZED => Finding::ill(
            &check,
            format!("{} refuses our token", edge.url),
            "The token in [[edges]] must be the edge's own admin_token.",
        ),
        Ok(answer) => Finding::ill(
            &check,
            format!("{} answers {}", edge.url, answer.status()),
            "The url in [[edges]] must be the edge's admin_listen.",
        ),
        Err(error) => Finding::ill(
            &check,
            format!("{} is not reached: {}", edge.url, cause(&error)),
            "systemctl status edge on its machine; its admin_listen must be reachable from here.",
        ),
    }
}

/// What is wrong with where visitors are said to reach it; `None` where nothing is.
async fn visited(edge: &EdgeConfig, base_domain: &str) -> Option<Finding> {
    const MEND: &str = "visitors in [[edges]] must be where this edge itself is reached by browsers: \
                        each new workspace is asked for there before it counts as ready.";
    let check = format!("edge {}", edge.name);
    let ill = |said: String| Some(Finding::ill(&check, said, MEND));
    match visit(edge, base_domain).await.ok()?? {
        Err(why) => ill(format!("its visitors are not answered: {why}")),
        // Of what control itself does not answer, the finding about the site tells.
        Ok(status @ 400..500) => ill(format!("visitors of the site are answered with {status}")),
        Ok(_) => None,
    }
}

async fn ready(check: &str, edge: &EdgeConfig) -> Finding {
    match ask(edge, "/readyz", None).await {
        Ok(answer) if answer.status() == StatusCode::OK => {
            Finding::well(check, format!("{} is ready and takes our token", edge.url))
        }
        Ok(answer) => {
            let said = answer.text().await.unwrap_or_default();
            let said: String = said.chars().take(200).collect();
            Finding::ill(check, format!("it is not ready: {said}"), "Its log says more.")
        }
        Err(error) => Finding::ill(check, cause(&error), "Its log says more."),
    }
}

/// The site's name, and one that nobody has: only a wildcard answers for it.
pub(super) async fn names(config: &Config) -> Vec<Finding> {
    let base = config.site.base_domain();
    if base == "localhost" || base.ends_with(".localhost") {
        let says = format!("{base} is this machine, for every name under it");
        return vec![Finding::well("dns", says)];
    }
    let nobody = format!("doctor-{:08x}.{base}", getrandom::u32().unwrap_or_default());
    let site = resolve(base).await;
    let wildcard = resolve(&nobody).await;
    let mend =
        |name: &str| format!("Set an A record (and AAAA) of {name} to the address of an edge.");
    let found = |check: &str, name: &str, record: &str, seen: &BTreeSet<IpAddr>| {
        if seen.is_empty() {
            return Finding::ill(check, format!("{name} has no address"), mend(record));
        }
        let list: Vec<_> = seen.iter().map(ToString::to_string).collect();
        Finding::well(check, format!("{record} is at {}", list.join(", ")))
    };
    let record = format!("*.{base}");
    vec![found("dns", base, base, &site), found("dns wildcard", &nobody, &record, &wildcard)]
}

async fn resolve(name: &str) -> BTreeSet<IpAddr> {
    let found = lookup_host((name, 443)).await;
    found.map(|addresses| addresses.map(|it| it.ip()).collect()).unwrap_or_default()
}

/// As a visitor would: through DNS, TLS and an edge.
pub(super) async fn site(config: &Config) -> Finding {
    const CHECK: &str = "site";
    let url = config.site.site_url();
    match get(&format!("{url}/login")).await {
        Ok(answer) if answer.status() == StatusCode::OK => {
            Finding::well(CHECK, format!("{url} answers visitors"))
        }
        Ok(answer) => Finding::ill(
            CHECK,
            format!("{url} answers {}", answer.status()),
            "An edge must listen there, and its site_upstream must be control's site_listen.",
        ),
        Err(error) => Finding::ill(
            CHECK,
            format!("{url} is not reached: {}", cause(&error)),
            "See the findings about names; an edge must listen on the port of site_url, with a \
             certificate that is valid for it.",
        ),
    }
}

/// What is not signed is refused by control itself, and by nobody before it.
pub(super) async fn webhook(config: &Config) -> Finding {
    const CHECK: &str = "stripe webhook";
    if config.stripe.is_none() {
        return Finding::unknown(CHECK, "there is no [stripe]");
    }
    let url = format!("{}/api/webhook", config.site.site_url());
    let sent = async { client()?.post(&url).body("{}").send().await };
    match sent.await {
        Ok(answer) if answer.status() == StatusCode::BAD_REQUEST => Finding::well(
            CHECK,
            format!("{url} is reached, and refuses what Stripe has not signed"),
        ),
        Ok(answer) => Finding::ill(
            CHECK,
            format!("{url} answers {} to what is not signed", answer.status()),
            "Events of Stripe's must reach control through an edge: site_upstream of the edge \
             must be control's site_listen.",
        ),
        Err(error) => Finding::ill(
            CHECK,
            format!("{url} is not reached: {}", cause(&error)),
            "Stripe cannot reach it either: see the finding about the site.",
        ),
    }
}

/// Against the clock of a vendor, whose answers say when they were made.
pub(super) async fn clock(config: &Config) -> Finding {
    const CHECK: &str = "clock";
    let stripe = config.stripe.as_ref().map(|it| it.url.to_string());
    let Some(url) = stripe.or_else(|| config.resend.as_ref().map(|it| it.url.to_string())) else {
        return Finding::unknown(CHECK, "there is no vendor to compare it with");
    };
    let answer = get(&url).await;
    let date = answer.ok().and_then(|it| it.headers().get(DATE)?.to_str().ok().map(str::to_owned));
    let theirs = date.and_then(|date| httpdate::parse_http_date(&date).ok());
    let seconds = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let Some(theirs) = theirs.map(seconds) else {
        return Finding::unknown(CHECK, format!("{url} does not say what time it is"));
    };
    let skew = theirs.abs_diff(unix_seconds());
    if skew <= SKEW_MAX_SECONDS {
        return Finding::well(CHECK, format!("it is within {SKEW_MAX_SECONDS} s of {url}'s"));
    }
    Finding::ill(
        CHECK,
        format!("it is {skew} s off from {url}'s"),
        "timedatectl set-ntp true; on the machines of the edges too.",
    )
}
