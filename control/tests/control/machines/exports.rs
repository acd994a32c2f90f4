//! A customer takes everything out: from the account page, also while it is closed, and
//! again after it broke off.

use std::collections::BTreeMap;
use std::io::Read as _;

use control::base::token::Token;
use flate2::read::GzDecoder;
use reqwest::{Method, StatusCode};
use serde_json::json;

use super::installation::{Town, Wanted};
use super::provider::{PROGRAMS, Provider};
use crate::common::browser::Browser;
use crate::common::{SITE, wait_until};

const ACCOUNT: &str = "__Host-arca_account";
const FAR: u64 = 4_000_000_000_000;

/// More than fits into all that lies between a machine and a browser.
const LARGE: usize = 24 << 20;

/// The name of ada's machine, with a note and so much noise on it.
async fn live(town: &Town, noise: usize) -> String {
    let task = town.pay("ada").await;
    town.until_done(&task).await;
    let name = "SELECT name FROM sprites WHERE username = 'ada'";
    let name = town.installation.database.text(name).await.unwrap();
    let folder = "/home/sprite/openclaw/workspace";
    town.provider.write(&name, &format!("{folder}/note.md"), b"buy milk".to_vec()).await;
    let mut noise = vec![0; noise];
    std::fs::File::open("/dev/urandom").unwrap().read_exact(&mut noise).unwrap();
    town.provider.write(&name, &format!("{folder}/noise"), noise).await;
    name
}

/// A browser that is signed in as ada.
async fn signed_in(town: &Town) -> Browser<'_> {
    let token = Token::random();
    let seen = shared::process::time::unix_millis();
    let session = format!(
        "INSERT INTO account_sessions (id_hash, username, created_at, last_seen_at, expires_at)
         VALUES ('{}', 'ada', {seen}, {seen}, {FAR})",
        token.hash().as_str()
    );
    town.installation.database.run(session).await;
    let mut browser = Browser::at(town.control().site, &town.installation.keys);
    browser.set_cookie(SITE, ACCOUNT, token.expose());
    browser
}

async fn ask(browser: &mut Browser<'_>) {
    let asked = browser.submit(&format!("{SITE}/account/export"), &[]).await;
    assert_eq!(asked.location, "/account#export", "{asked:?}");
}

async fn fetch(browser: &Browser<'_>) -> reqwest::Response {
    browser.request(Method::GET, &format!("{SITE}/account/export"), &[]).send().await.unwrap()
}

/// The texts of an archive, or why there is none.
async fn files(response: reqwest::Response) -> Result<BTreeMap<String, Vec<u8>>, String> {
    if response.status() != StatusCode::OK {
        return Err(format!("{}: {}", response.status(), response.text().await.unwrap()));
    }
    opened(&response.bytes().await.map_err(|error| error.to_string())?)
}

fn opened(archive: &[u8]) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let mut files = BTreeMap::new();
    for entry in tar::Archive::new(GzDecoder::new(archive)).entries().unwrap() {
        let mut entry = entry.map_err(|error| error.to_string())?;
        let (path, mut bytes) = (entry.path().unwrap().display().to_string(), Vec::new());
        entry.read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        files.insert(path, bytes);
    }
    Ok(files)
}

async fn until_whole(browser: &mut Browser<'_>) -> BTreeMap<String, Vec<u8>> {
    e2e::wait_until("the archive is whole", async || files(fetch(browser).await).await)
        .await
        .unwrap()
}

#[tokio::test]
async fn who_asks_for_it_takes_everything_out_and_nobody_else_does() {
    let town = Town::start(1).await;
    live(&town, 1_000).await;
    let mut browser = signed_in(&town).await;
    let page = browser.open(&format!("{SITE}/account")).await;
    assert!(page.body.contains("data-testid=\"export-ask\""), "{}", page.body);
    // Not before it was asked for, and by a form of ours.
    assert_eq!(fetch(&browser).await.headers()["location"], "/account#export");
    let foreign = [("origin", "http://evil.test")];
    let address = format!("{SITE}/account/export");
    let forged = browser.send(Method::POST, &address, None, &foreign).await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    ask(&mut browser).await;
    let page = browser.open(&format!("{SITE}/account")).await;
    assert!(page.body.contains("data-testid=\"export-fetch\""), "{}", page.body);
    let head = browser.request(Method::HEAD, &format!("{SITE}/account/export"), &[]);
    assert_eq!(head.send().await.unwrap().status(), StatusCode::OK);
    let response = fetch(&browser).await;
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "application/gzip");
    assert_eq!(header("cache-control"), "no-store");
    assert!(header("content-disposition").starts_with("attachment; filename=\"ada-20"));
    let files = files(response).await.unwrap();
    assert_eq!(files["openclaw/workspace/note.md"], b"buy milk");
    assert!(files.contains_key("openclaw/openclaw.json") && files.contains_key("REPORT.txt"));
    // Another browser of the same customer has not asked.
    let other = signed_in(&town).await;
    assert_eq!(fetch(&other).await.headers()["location"], "/account#export");
    let nobody = Browser::at(town.control().site, &town.installation.keys);
    assert_eq!(fetch(&nobody).await.headers()["location"], "/login?to=account");
    // A quarter of an hour later.
    let late = "UPDATE exports SET expires_at = 1";
    town.installation.database.run(late.to_owned()).await;
    assert_eq!(fetch(&browser).await.headers()["location"], "/account#export");
}

#[tokio::test]
async fn a_closed_workspace_gives_its_archive_out_and_nothing_else() {
    let town = Town::start(1).await;
    let name = live(&town, 1_000).await;
    let (status, answer) =
        town.control().api(Method::POST, "/api/customers/ada/suspend", Some(json!({}))).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let services = "SELECT services FROM sprites WHERE username = 'ada'";
    wait_until("what runs is stopped", Some("stopped".to_owned()), async || {
        town.installation.database.text(services).await
    })
    .await;
    town.provider.sleep(&name).await;
    let mut browser = signed_in(&town).await;
    ask(&mut browser).await;
    let files = files(fetch(&browser).await).await.unwrap();
    assert_eq!(files["openclaw/workspace/note.md"], b"buy milk");
    assert_ne!(town.provider.service_status(&name).await, "running");
    let state = town.edge.table().routes.values().next().map(|route| route.state);
    assert_eq!(state, Some(shared::RouteState::Suspended));
}

#[tokio::test]
async fn one_that_breaks_off_is_not_taken_for_whole_and_comes_again() {
    let mut town = Town::start(1).await;
    let name = live(&town, LARGE).await;
    let token = {
        let mut browser = signed_in(&town).await;
        ask(&mut browser).await;
        // The machine's process ends in the middle.
        let mut response = fetch(&browser).await;
        assert!(response.chunk().await.unwrap().is_some());
        // Meanwhile nobody takes a second one.
        assert_eq!(fetch(&browser).await.status(), StatusCode::SERVICE_UNAVAILABLE);
        town.provider.sleep(&name).await;
        let rest = async {
            while response.chunk().await?.is_some() {}
            Ok::<_, reqwest::Error>(())
        };
        assert!(rest.await.is_err(), "half an archive looks like a whole one");
        assert!(until_whole(&mut browser).await.contains_key("REPORT.txt"));
        // So does its reader.
        let mut response = fetch(&browser).await;
        assert!(response.chunk().await.unwrap().is_some());
        drop(response);
        assert!(until_whole(&mut browser).await.contains_key("REPORT.txt"));
        // So does control.
        let mut response = fetch(&browser).await;
        assert!(response.chunk().await.unwrap().is_some());
        let token = browser.cookie(SITE, ACCOUNT).unwrap().to_owned();
        drop(browser);
        town.kill_control().await;
        let rest = async {
            while response.chunk().await?.is_some() {}
            Ok::<_, reqwest::Error>(())
        };
        assert!(rest.await.is_err(), "half an archive looks like a whole one");
        token
    };
    town.start_control().await;
    let mut browser = Browser::at(town.control().site, &town.installation.keys);
    browser.set_cookie(SITE, ACCOUNT, &token);
    assert!(until_whole(&mut browser).await.contains_key("REPORT.txt"));
}

/// As a browser does that has the first bytes and their ETag.
async fn fetch_rest(browser: &Browser<'_>, etag: &str, from: usize) -> reqwest::Response {
    let range = format!("bytes={from}-");
    let headers = [("range", range.as_str()), ("if-range", etag)];
    browser.request(Method::GET, &format!("{SITE}/account/export"), &headers).send().await.unwrap()
}

#[tokio::test]
async fn one_that_breaks_off_goes_on_where_it_was_as_long_as_nothing_has_changed() {
    let mut town = Town::start(1).await;
    let name = live(&town, LARGE).await;
    let (token, etag, mut archive) = {
        let mut browser = signed_in(&town).await;
        ask(&mut browser).await;
        let mut response = fetch(&browser).await;
        assert_eq!(response.headers()["accept-ranges"], "bytes");
        let etag = response.headers()["etag"].to_str().unwrap().to_owned();
        let mut archive = response.chunk().await.unwrap().unwrap().to_vec();
        town.provider.sleep(&name).await;
        while let Ok(Some(piece)) = response.chunk().await {
            archive.extend(piece);
        }
        // Long after the quarter of an hour, and in this browser only.
        let late = "UPDATE exports SET expires_at = 1";
        town.installation.database.run(late.to_owned()).await;
        let mut other = signed_in(&town).await;
        ask(&mut other).await;
        let whole = fetch_rest(&other, &etag, archive.len()).await;
        assert_eq!(whole.status(), StatusCode::OK, "it has begun none");
        drop(whole);
        (browser.cookie(SITE, ACCOUNT).unwrap().to_owned(), etag, archive)
    };
    let begun = archive.len();
    // The second time control is killed in the middle.
    let mut response = {
        let mut browser = Browser::at(town.control().site, &town.installation.keys);
        browser.set_cookie(SITE, ACCOUNT, &token);
        rest_comes(&browser, &etag, archive.len()).await
    };
    archive.extend(response.chunk().await.unwrap().unwrap());
    town.kill_control().await;
    while let Ok(Some(piece)) = response.chunk().await {
        archive.extend(piece);
    }
    town.start_control().await;
    let mut browser = Browser::at(town.control().site, &town.installation.keys);
    browser.set_cookie(SITE, ACCOUNT, &token);
    let response = rest_comes(&browser, &etag, archive.len()).await;
    let length = response.content_length().unwrap();
    let rest = response.bytes().await.unwrap();
    assert_eq!(rest.len() as u64, length);
    archive.extend(rest);
    assert!(begun < LARGE && archive.len() > LARGE, "{begun} of {}", archive.len());
    let held = opened(&archive).unwrap();
    assert_eq!(held["openclaw/workspace/note.md"], b"buy milk");
    assert_eq!(held["openclaw/workspace/noise"].len(), LARGE);
    // What has changed makes another archive, which is asked for again.
    let note = "/home/sprite/openclaw/workspace/note.md";
    town.provider.write(&name, note, b"buy oats".to_vec()).await;
    let refused = fetch_rest(&browser, &etag, begun).await;
    assert_eq!(refused.headers()["location"], "/account#export");
    ask(&mut browser).await;
    let whole = fetch_rest(&browser, &etag, begun).await;
    assert_eq!(whole.status(), StatusCode::OK);
    assert_ne!(whole.headers()["etag"].to_str().unwrap(), etag);
    assert_eq!(files(whole).await.unwrap()["openclaw/workspace/note.md"], b"buy oats");
}

/// Once the download is over that broke off.
async fn rest_comes(browser: &Browser<'_>, etag: &str, from: usize) -> reqwest::Response {
    e2e::wait_until("the rest comes", async || {
        let response = fetch_rest(browser, etag, from).await;
        e2e::wait::ensure(
            response.status() == StatusCode::PARTIAL_CONTENT,
            format!("{response:?}"),
        )?;
        assert!(
            response.headers()["content-range"]
                .to_str()
                .unwrap()
                .starts_with(&format!("bytes {from}-"))
        );
        Ok::<_, String>(response)
    })
    .await
    .unwrap()
}

/// After each of its steps: asked for, begun, under way, whole.
#[tokio::test]
async fn however_often_control_is_killed_an_export_comes_and_costs_its_customer_nothing() {
    let mut town = Town::start(1).await;
    live(&town, 1_000).await;
    let machine = town.machine_of("ada").await;
    let token = {
        let mut browser = signed_in(&town).await;
        ask(&mut browser).await;
        browser.cookie(SITE, ACCOUNT).unwrap().to_owned()
    };
    town.kill_control().await;
    town.start_control().await;
    for fault in [super::crashes::BEFORE, super::crashes::AFTER] {
        let mut browser = Browser::at(town.control().site, &town.installation.keys);
        browser.set_cookie(SITE, ACCOUNT, &token);
        town.provider.arm("GET", "/v1/sprites/*/exec", 1, fault).await;
        let address = format!("{SITE}/account/export");
        let asked = tokio::spawn(browser.request(Method::GET, &address, &[]).send());
        wait_until("the machine is called", 1, async || town.provider.struck().await).await;
        town.kill_control().await;
        assert!(asked.await.unwrap().is_err(), "half an answer looks like a whole one");
        town.provider.disarm_all().await;
        town.start_control().await;
    }
    for _ in 0..2 {
        let mut browser = Browser::at(town.control().site, &town.installation.keys);
        browser.set_cookie(SITE, ACCOUNT, &token);
        assert!(until_whole(&mut browser).await.contains_key("REPORT.txt"));
        town.kill_control().await;
        town.start_control().await;
    }
    assert_eq!(town.machine_of("ada").await, machine);
    town.check_live("ada").await;
}

#[tokio::test]
async fn a_provider_in_trouble_is_said_and_asked_again_it_works() {
    let town = Town::start(1).await;
    live(&town, 1_000).await;
    let mut browser = signed_in(&town).await;
    ask(&mut browser).await;
    town.provider.arm("GET", "/v1/sprites/*/exec", 1, "500").await;
    let refused = fetch(&browser).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    let page = refused.text().await.unwrap();
    assert!(page.contains("did not give its archive out"), "{page}");
    assert!(files(fetch(&browser).await).await.unwrap().contains_key("REPORT.txt"));
}

/// An agent from before there were archives refuses the argument, as every program of ours does.
#[tokio::test]
async fn a_machine_whose_agent_makes_no_archive_is_said_and_told_of() {
    let old = format!(
        "case $* in *--export*) echo \\\"error: unexpected argument '--export' found\\\" >&2; exit 2;; \
         esac; exec {PROGRAMS}/sprite-agent \\\"$@\\\""
    );
    let base = format!(", agent = ['/bin/sh', '-c', \"{old}\", 'agent']");
    let wanted = Wanted { available: 1, failure_limit: 3 };
    let town = Town::start_with(Provider::start().await, &wanted, &base).await;
    let name = live(&town, 1_000).await;
    let mut browser = signed_in(&town).await;
    ask(&mut browser).await;
    for _ in 0..2 {
        let refused = fetch(&browser).await;
        assert_eq!(refused.status(), StatusCode::CONFLICT);
        let page = refused.text().await.unwrap();
        assert!(page.contains("older version that cannot pack an archive"), "{page}");
    }
    let (_, tickets) = town.control().api(Method::GET, "/api/tickets", None).await;
    let told = format!("export/agent/{name}");
    let tickets = tickets["items"].as_array().unwrap().iter();
    assert_eq!(tickets.filter(|ticket| ticket["incident"] == told.as_str()).count(), 1);
    town.check_live("ada").await;
}
