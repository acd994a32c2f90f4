//! Mistakes as operators make them, each found, each with the way to mend it.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use axum::Router;
use fakes::resend::quota::Limits;
use fakes::vendor::server;
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use crate::common::database::Database;
use crate::common::edge::TestEdge;
use crate::common::{EDGE_TOKEN, World};

const STRIPE_KEY: &str = "sk_test_0123456789";
const RESEND_KEY: &str = "re_0123456789abcdef";
const LINEAR_KEY: &str = "lin_api_0123456789";
const TEAM: &str = "5b1c7a3e-0000-4000-8000-000000000001";

/// What is put in the place of what, where it is found, and a part of the way to mend it.
struct Mistake {
    from: &'static str,
    to: String,
    check: &'static str,
    mend: &'static str,
}

fn mistake(
    from: &'static str,
    to: impl Into<String>,
    check: &'static str,
    mend: &'static str,
) -> Mistake {
    Mistake { from, to: to.into(), check, mend }
}

async fn serve(router: Router) -> String {
    let (listener, address) = server::listen(0).await.unwrap();
    tokio::spawn(async move { server::serve(listener, router).await.unwrap() });
    format!("http://{address}")
}

async fn stripe() -> String {
    let stripe = fakes::stripe::Stripe::new(fakes::stripe::Options {
        key: STRIPE_KEY.to_owned(),
        public_url: "http://stripe.test".to_owned(),
        prices: vec!["price_1".to_owned()],
        manner: fakes::stripe::webhook::Manner::default(),
    });
    serve(fakes::stripe::router(&stripe)).await
}

async fn resend() -> String {
    let resend = fakes::resend::Resend::new(fakes::resend::Options {
        key: RESEND_KEY.to_owned(),
        restricted: false,
        domains: vec!["arca.test".to_owned()],
        limits: Limits { requests_per_second: 1_000, ..Limits::default() },
    });
    serve(fakes::resend::router(&resend)).await
}

async fn linear() -> String {
    let linear = fakes::linear::Linear::new(fakes::linear::Options {
        key: LINEAR_KEY.to_owned(),
        team: TEAM.to_owned(),
        public_url: String::new(),
    });
    serve(fakes::linear::router(&linear)).await
}

/// As Linear does with a key that has other permissions.
async fn forbidding_linear() -> String {
    let no = || async {
        axum::Json(json!({ "data": null, "errors": [{
            "message": "Invalid scope: `read` required",
            "extensions": { "type": "forbidden", "code": "FORBIDDEN" },
        }] }))
    };
    serve(Router::new().route("/graphql", axum::routing::post(no))).await
}

/// What `control doctor` finds with this configuration: check, verdict, mend.
async fn findings(path: &Path) -> Vec<(String, String, String)> {
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_control"))
        .args(["doctor", "--json", "--config"])
        .arg(path)
        .output()
        .await
        .unwrap();
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |it: &Value, key: &str| it[key].as_str().unwrap_or_default().to_owned();
    let each = |it: &Value| (text(it, "check"), text(it, "verdict"), text(it, "mend"));
    found.as_array().unwrap().iter().map(each).collect()
}

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
    path
}

/// `world`'s configuration with vendors in it.
async fn configuration(world: &World) -> String {
    let text = std::fs::read_to_string(world.path("control.toml")).unwrap();
    let (stripe, resend, linear) = (stripe().await, resend().await, linear().await);
    format!(
        "{text}[stripe]\nurl = '{stripe}'\nsecret_key = '{STRIPE_KEY}'\n\
         webhook_secrets = ['whsec_0123456789']\nprice = 'price_1'\n\
         [resend]\nurl = '{resend}'\napi_key = '{RESEND_KEY}'\nfrom = 'Arca <hello@arca.test>'\n\
         [linear]\nurl = '{linear}'\napi_key = '{LINEAR_KEY}'\nteam = '{TEAM}'\n\
         [sprites]\nurl = '{stripe}'\ntoken = 'a/b/c/0123456789abcdef'\n\
         [base]\nagent = ['agent']\ngateway = ['gateway']\n"
    )
}

async fn newer_database() -> Database {
    let database = Database::file();
    database.migrate_to(1).await;
    database.run("UPDATE _sqlx_migrations SET version = 9999 WHERE version = 1".to_owned()).await;
    database
}

fn in_configuration() -> Vec<Mistake> {
    let mend = "explains every key";
    vec![
        mistake("base_domain = 'arca.test'", "", "configuration", mend),
        mistake("admin_key", "admin_kee", "configuration", mend),
        mistake("keys.toml", "kees.toml", "configuration", mend),
        mistake("sk_test_", "pk_test_", "configuration", mend),
        mistake("whsec_0123456789", "", "configuration", mend),
        mistake("site_url = 'http://arca", "site_url = 'http://arcade", "configuration", mend),
        mistake("allow_http = ['127.0.0.0/8']", "allow_http = ['loopback']", "configuration", mend),
    ]
}

#[tokio::test]
async fn twenty_mistakes_are_each_found_with_the_way_to_mend_them() {
    let edge = TestEdge::start("one").await;
    let world = World::start(&[&edge]).await;
    let good = configuration(&world).await;
    let (newer, empty) = (newer_database().await, Database::file());
    let folder = tempfile::tempdir().unwrap();
    let no_database = write(folder.path(), "no.db", "a text, and no database of SQLite's at all\n");
    let no_database = format!("sqlite://{}", no_database.display());
    let nobody = "127.0.0.1:9";
    let (edge_url, api) =
        (edge.address.to_string(), world.running.as_ref().unwrap().api.to_string());
    let url = |text: &str, section: &str| {
        let part = text.split(section).nth(1).unwrap();
        part.split('\'').nth(1).unwrap().to_owned()
    };
    let leak = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
    let (stripe, resend) = (leak(url(&good, "[stripe]")), leak(url(&good, "[resend]")));
    let linear = leak(url(&good, "[linear]"));
    let (edge_url, api) = (leak(edge_url), leak(api));
    let database = leak(world.database.url.clone());
    let mut mistakes = in_configuration();
    mistakes.extend([
        mistake(database, &newer.url, "database", "Install that version again"),
        mistake(database, "sqlite:///nowhere/control.db", "database", "may write to the folder"),
        mistake(
            database,
            format!("postgres://a:b@{nobody}/c"),
            "database",
            "database_url names it",
        ),
        mistake(api, nobody, "control", "systemctl status control"),
        mistake(api, stripe.strip_prefix("http://").unwrap(), "control", "taken api_listen"),
        mistake(edge_url, nobody, "edge one", "systemctl status edge"),
        mistake(edge_url, api, "edge one", "the edge's own admin_token"),
        mistake(database, no_database, "database", "database_url names it"),
        mistake(database, empty.url.clone(), "database", "that `control serve`"),
        mistake(
            leak(format!("visitors = 'http://{edge_url}'")),
            format!("visitors = 'http://{nobody}'"),
            "edge one",
            "reached by browsers",
        ),
        mistake(
            "[stripe]",
            format!(
                "[[edges]]\nname = 'two'\nurl = 'http://{edge_url}'\ntoken = '{EDGE_TOKEN}'\n\
                 [stripe]"
            ),
            "configuration",
            "explains every key",
        ),
        mistake(EDGE_TOKEN, "another-token-of-an-edge", "edge one", "admin_token"),
        mistake("[[edges]]", "[edgeless]", "configuration", "explains every key"),
        mistake("sk_test_0123456789", "sk_test_another-key", "stripe", "are in the dashboard"),
        mistake("price_1", "price_2", "stripe", "of the same mode"),
        mistake("[base]", "[site]\nprice = '$9'\n[base]", "stripe", "what [site] price says"),
        mistake(RESEND_KEY, "re_another-key-of-resend", "resend", "api_key in [resend]"),
        mistake("hello@arca.test", "hello@other.test", "resend", "Add it at"),
        mistake(resend, format!("http://{nobody}"), "resend", "api_key in [resend]"),
        mistake(LINEAR_KEY, "lin_api_another-key", "linear", "api_key in [linear]"),
        mistake(TEAM, TEAM.replace('5', "6"), "linear", "the id of a team"),
        mistake(linear, forbidding_linear().await, "linear", "needs `Read` and `Create issues`"),
        mistake(
            "a/b/c/0123456789abcdef",
            "d/e/f/0123456789abcdef",
            "provider",
            "token in [sprites]",
        ),
        // Nobody has the name of these tests.
        mistake("arca.test", "arca.test", "dns", "A record"),
        mistake("arca.test", "arca.test", "dns wildcard", "*.arca.test"),
        mistake("arca.test", "arca.test", "site", "an edge must listen"),
        mistake("arca.test", "arca.test", "stripe webhook", "finding about the site"),
    ]);
    let seen = mistakes.iter().enumerate().map(async |(index, it)| {
        assert!(good.contains(it.from), "{}", it.from);
        let text = good.replace(it.from, &it.to);
        let path = write(folder.path(), &format!("{index}.toml"), &text);
        (it, findings(&path).await)
    });
    // More at once take each other the time in which a vendor has to answer.
    let seen = stream::iter(seen).buffered(4).collect::<Vec<_>>().await;
    for (Mistake { from, to, check, mend }, found) in seen {
        let is_it = |(name, verdict, said): &(String, String, String)| {
            name == check && verdict == "ill" && said.contains(mend)
        };
        assert!(found.iter().any(is_it), "{from} → {to}: {check}, {mend}: {found:#?}");
    }
}

#[tokio::test]
async fn a_gateways_configuration_that_denies_too_little_is_noted_and_completed() {
    let world = World::start(&[]).await;
    let good = configuration(&world).await;
    let folder = tempfile::tempdir().unwrap();
    let own = write(folder.path(), "openclaw.json", r#"{"tools":{"deny":["exec"]}}"#);
    let base = format!("[base]\ngateway_config = '{}'", own.display());
    for (text, is_noted) in [(good.replace("[base]", &base), true), (good, false)] {
        let found = findings(&write(folder.path(), "control.toml", &text)).await;
        let seen = found.iter().find(|(name, ..)| name == "gateway_config");
        assert_eq!(seen.map(|(_, verdict, _)| verdict.as_str()), is_noted.then_some("well"));
    }
}

#[tokio::test]
async fn files_that_others_read_are_found() {
    let world = World::start(&[]).await;
    for (name, check) in [("keys.toml", "key ring"), ("control.toml", "configuration file")] {
        std::fs::set_permissions(world.path(name), Permissions::from_mode(0o644)).unwrap();
        let found = findings(&world.path("control.toml")).await;
        let seen = found.iter().find(|(name, ..)| name == check).unwrap();
        assert_eq!(seen.1, "ill");
        assert!(seen.2.starts_with("chmod 640"), "{seen:?}");
    }
}
