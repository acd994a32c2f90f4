//! A new installation, and what is told of one to somebody who helps.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use control::certificates::ProofConfig;
use control::serve::config::Config;
use serde_json::Value;

use crate::common::World;

const GOOD: &str = "base_domain = 'arca.test'\noperator = 'Ada & Sons'\n\
    contact_email = 'help@arca.test'\nstripe_secret_key = 'sk_test_0123456789'\n\
    stripe_webhook_secret = 'whsec_0123456789'\nstripe_price = 'price_1'\n\
    resend_api_key = 're_0123456789abcdef'\n";

fn init(folder: &Path, answers: &str) -> Output {
    let file = folder.join("answers.toml");
    std::fs::write(&file, answers).unwrap();
    Command::new(env!("CARGO_BIN_EXE_control"))
        .args(["init", "--answers"])
        .arg(&file)
        .arg("--folder")
        .arg(folder.join("etc"))
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn what_init_writes_is_what_the_program_takes() {
    let folder = tempfile::tempdir().unwrap();
    let done = init(folder.path(), GOOD);
    assert!(done.status.success(), "{}", text(&done.stderr));
    let said = text(&done.stdout);
    for step in ["DNS: ", "/api/webhook", "systemctl enable --now edge control", "[sprites]"] {
        assert!(said.contains(step), "{said}");
    }
    let etc = folder.path().join("etc");
    let config = Config::read(&etc.join("control.toml")).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(config.texts.operator, "Ada & Sons");
    assert_eq!(config.edges[0].token.expose(), &read(&etc.join("edge-admin-token")));
    assert!(config.stripe.is_some() && config.resend.is_some() && config.machines.is_none());
    for file in ["control.toml", "keys.toml", "edge.toml", "edge-admin-token"] {
        let mode = etc.join(file).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o007, 0, "{file}: {mode:o}");
    }
    let edge = read(&etc.join("edge.toml"));
    assert!(edge.contains("listen = [\"0.0.0.0:443\"]"), "{edge}");
}

#[test]
fn any_name_of_an_operator_is_written_as_toml() {
    for name in ["Ada\u{a0}GmbH", "\"Ada\" \\ Sons", "it's '''Ada'''", "Zo\u{308}e\u{200b}"] {
        let folder = tempfile::tempdir().unwrap();
        let answer = format!("operator = {}\n", toml::Value::from(name));
        let answers = GOOD.replace("operator = 'Ada & Sons'\n", &answer);
        let answers = answers.replace("resend_api_key = 're_0123456789abcdef'\n", "");
        let done = init(folder.path(), &answers);
        assert!(done.status.success(), "{name:?}: {}", text(&done.stderr));
        let config = Config::read(&folder.path().join("etc/control.toml")).unwrap();
        assert_eq!(config.texts.operator, name);
    }
}

#[test]
fn with_a_way_to_set_records_control_obtains_the_certificate() {
    for (answer, is_hook) in
        [("dns_hook = '/bin/true'\n", true), ("cloudflare_token = '0123456789abcdef'\n", false)]
    {
        let folder = tempfile::tempdir().unwrap();
        let done = init(folder.path(), &format!("{GOOD}{answer}"));
        assert!(done.status.success(), "{}", text(&done.stderr));
        assert!(!text(&done.stdout).contains("Put a certificate"), "{}", text(&done.stdout));
        let etc = folder.path().join("etc");
        let config = Config::read(&etc.join("control.toml")).unwrap();
        let certificates = config.certificates.unwrap();
        assert_eq!(certificates.names, ["arca.test", "*.arca.test"]);
        assert_eq!(matches!(certificates.proof, ProofConfig::Hook { .. }), is_hook);
        let edge = read(&etc.join("edge.toml"));
        assert!(edge.contains("[tls]") && !edge.contains("[[tls.certificates]]"), "{edge}");
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn every_mistake_is_said_at_once_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let check = |answers: &str, code: i32, expected: &[&str]| {
        let done = init(folder.path(), answers);
        let complaint = text(&done.stderr);
        assert_eq!(done.status.code(), Some(code), "{complaint}");
        for part in expected {
            assert!(complaint.contains(part), "{part}: {complaint}");
        }
        assert!(!folder.path().join("etc/control.toml").exists());
    };
    check(
        "operater = 'Ada'\nstripe_price = 7\n",
        64,
        &[
            "base_domain: is missing",
            "operator: is missing",
            "contact_email: is missing",
            "operater: is not a known key",
            "stripe_price: must be a text",
        ],
    );
    let bad = GOOD.replace("sk_test_", "pk_test_").replace("price_1", "").replace("re_0", "x");
    let bad = bad.replace("'x123456789abcdef'", "'short'") + "database_url = 'mysql://x'\n";
    check(
        &bad,
        64,
        &[
            "answers.toml: stripe_secret_key: must begin",
            "answers.toml: stripe_price: ",
            "answers.toml: resend_api_key: ",
            "answers.toml: database_url: must",
        ],
    );
    // Said of the answers: nobody has seen what would have been made of them.
    let bad = GOOD.replace("'arca.test'", "'https://arca.test'").replace("help@", "help");
    let settings = "listen = '80'\nedge_listen = 'here'\nprice = 'seven'\nlinear_team = 'x'\n\
                    sprites_token = '0123456789abcdef'\nagent = '/nowhere'\n\
                    cloudflare_token = 'short'\noperater = 'Ada'\n";
    let bad = bad + settings;
    check(
        &bad,
        64,
        &["answers.toml:15: operater: ", "answers.toml:8: listen: ", ":9: edge_listen: "],
    );
    let complaint = init(folder.path(), &bad);
    let complaint = text(&complaint.stderr);
    assert!(!complaint.contains("control.toml") && !complaint.contains("site_port"), "{complaint}");
    for answer in [
        "base_domain",
        "contact_email",
        "price",
        "linear_api_key",
        "linear_team",
        "agent",
        "cloudflare_token",
    ] {
        let said = format!("answers.toml: {answer}: ");
        assert_eq!(complaint.matches(&said).count(), 1, "{answer}: {complaint}");
    }
    std::fs::create_dir(folder.path().join("etc")).unwrap();
    std::fs::write(folder.path().join("etc/keys.toml"), "precious").unwrap();
    check(GOOD, 1, &["nothing was written", "keys.toml"]);
    assert_eq!(read(&folder.path().join("etc/keys.toml")), "precious");
}

#[tokio::test]
async fn no_secret_and_no_address_is_in_a_support_bundle() {
    let world = World::start_with_sections(
        &[],
        "",
        "[resend]\nurl = 'http://127.0.0.1:9'\napi_key = 'planted-resend-key'\n\
         from = 'Arca <hello@arca.test>'\n",
    )
    .await;
    world.add_customer("ada").await;
    let file = world.path("bundle");
    world.cli(&format!("support-bundle {}", file.display())).await;
    let bundle = read(&file);
    let ring = read(&world.path("keys.toml"));
    let ring = ring.rsplit('"').nth(1).unwrap();
    for secret in ["planted-resend-key", crate::common::ADMIN_KEY, ring, "ada@", "hello@"] {
        assert!(!bundle.contains(secret), "{secret}");
    }
    let bundle: Value = serde_json::from_str(&bundle).unwrap();
    let asked = bundle["answers"].as_array().unwrap();
    let status = asked.iter().find(|it| it["asked"] == "/api/status").unwrap();
    assert!(status["answer"]["promises"].is_array(), "{bundle:#}");
    assert!(bundle["doctor"].as_array().unwrap().len() > 5, "{bundle:#}");
    let (code, ..) = world.cli_ended(&format!("support-bundle {}", file.display())).await;
    assert_eq!(code, Some(1), "nothing is written over a file");
}
