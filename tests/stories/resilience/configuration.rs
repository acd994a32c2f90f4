//! A wrong configuration: every complaint at once, before anything was begun.

use std::net::TcpListener;
use std::path::Path;

use anyhow::anyhow;
use e2e::{Plan, Port, Program, World, binaries, wait_until};

/// Of sysexits(3): the command line or the configuration is wrong.
const USAGE: i32 = 64;

/// Stands wherever the files below have a secret, or its beginning does.
const SECRET: &str = "sesame-sesame-sesame-sesame";

/// Runs `name` with `text` as its configuration, in which `{port}`, `{folder}` and `{secret}`
/// are filled in; `expected` are line and key of each complaint, a key alone where it is missing.
async fn check(name: &str, arguments: &[&str], text: &str, expected: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let port = Port::claim().unwrap();
    // Whoever opens it finds it taken, and would say so.
    let _taken = TcpListener::bind(port.address()).unwrap();
    let ring = format!("current = \"k1\"\n[keys]\nk1 = \"{SECRET}\"\n");
    std::fs::write(folder.path().join("keys.toml"), ring).unwrap();
    let file = folder.path().join("bad.toml");
    let text = text
        .replace("{port}", &port.number().to_string())
        .replace("{folder}", &folder.path().display().to_string())
        .replace("{secret}", SECRET);
    std::fs::write(&file, text).unwrap();

    let log = folder.path().join("log");
    let program = Program::new(name, binaries::program(name).unwrap(), log.clone());
    let program = arguments.iter().fold(program, |program, argument| program.argument(*argument));
    let program = program.argument("--config").argument(&file);
    program.start().unwrap();
    let status = wait_until(&format!("{name} has ended"), async || {
        program.ended()?.ok_or_else(|| anyhow!("{}", program.last_lines()))
    })
    .await
    .unwrap();

    let said = std::fs::read_to_string(log).unwrap();
    assert_eq!(status.code(), Some(USAGE), "{said}");
    let start = format!("{}:", file.display());
    let complaints: Vec<String> = said
        .lines()
        .map(|line| line.strip_prefix(&start).unwrap_or_else(|| panic!("no file in {line:?}")))
        .map(place)
        .collect();
    assert_eq!(complaints, expected, "{said}");
    assert!(!said.contains("sesame"), "{said}");
    assert_eq!(left(folder.path()), ["bad.toml", "keys.toml", "log"], "nothing was begun");
}

/// `9 limits.idle_seconds` of `9: limits.idle_seconds: is too long`.
fn place(complaint: &str) -> String {
    let mut parts = complaint.splitn(3, ':').map(str::trim);
    let (first, second) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    // A missing key has no line.
    if first.parse::<u32>().is_ok() { format!("{first} {second}") } else { first.to_owned() }
}

/// The names in `folder`, in their order.
fn left(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn an_edge_names_everything_that_is_wrong_and_does_not_begin() {
    let text = "base_domain = \"arcamatrix.localhost\"\n\
                site_url = \"http://elsewhere.localhost:{port}\"\n\
                listen = [\"127.0.0.1:{port}\", \"localhost\"]\n\
                admin_listen = \"127.0.0.1:{port}\"\n\
                admin_token = \"sesame\"\n\
                keys_file = \"{folder}/keys.toml\"\n\
                store = \"{folder}/routes.redb\"\n\
                threads = 0\n\
                colour = \"{secret}\"\n\
                [limits]\n\
                head_seconds = \"ten\"\n\
                boddy_max_bytes = 5\n";
    let expected = [
        "2 site_url",
        "3 listen",
        "4 admin_listen",
        "5 admin_token",
        "6 keys_file",
        "8 threads",
        "9 colour",
        "11 limits.head_seconds",
        "12 limits.boddy_max_bytes",
        "site_upstream",
    ];
    check("edge", &[], text, &expected).await;
}

#[tokio::test]
async fn control_names_everything_that_is_wrong_and_does_not_begin() {
    let text = "base_domain = \"arcamatrix.localhost\"\n\
                site_url = \"http://arcamatrix.localhost:{port}/path\"\n\
                site_listen = \"127.0.0.1:{port}\"\n\
                api_listen = \"127.0.0.1\"\n\
                database_url = \"mysql://control:{secret}@127.0.0.1/control\"\n\
                keys_file = \"{folder}/keys.toml\"\n\
                admin_key_file = \"{folder}/nothing\"\n\
                log_changes = -1\n\
                [[edges]]\n\
                name = \"edge 1\"\n\
                url = \"http://127.0.0.1:{port}\"\n\
                token = \"{secret}\"\n\
                [[edges]]\n\
                name = \"edge-2\"\n\
                token = [\"{secret}\"]\n";
    let expected = [
        "2 site_url",
        "4 api_listen",
        "5 database_url",
        "6 keys_file",
        "7 admin_key_file",
        "8 log_changes",
        "10 edges[0].name",
        "15 edges[1].token",
        "edges[1].url",
    ];
    check("control", &["serve"], text, &expected).await;
}

#[tokio::test]
async fn an_agent_names_everything_that_is_wrong_and_does_not_begin() {
    let text = "listen = \"127.0.0.1:{port}\"\n\
                username = \"Ada\"\n\
                site_url = \"http://arcamatrix.localhost:{port}\"\n\
                public_url = \"ada.arcamatrix.localhost\"\n\
                skills = [\"weather\", \"../etc\"]\n\
                [identity.keys]\n\
                k1 = \"{secret}\"\n\
                [gateway]\n\
                address = \"127.0.0.1\"\n\
                token = \"sesame\"\n\
                [supervisor]\n\
                command = []\n\
                state_dir = \"relative\"\n\
                [supervisor.env]\n\
                OPENCLAW_GATEWAY_TOKEN = \"{secret}\"\n";
    let expected = [
        "2 username",
        "4 public_url",
        "5 skills",
        "6 identity.keys",
        "6 identity.keys",
        "9 gateway.address",
        "10 gateway.token",
        "12 supervisor.command",
        "13 supervisor.state_dir",
        "14 supervisor.env",
        "health_token",
        "supervisor.log_dir",
    ];
    check("sprite-agent", &[], text, &expected).await;
}

#[tokio::test]
async fn a_world_does_not_wait_for_a_program_that_has_ended() {
    let plan = Plan::with_tenants(&[]).with_control_config("colour = \"blue\"");
    let error = World::start(plan).await.err().expect("control has no colour").to_string();
    assert!(error.starts_with("control ended with exit status: 64"), "{error}");
    assert!(error.contains("colour"), "its last words: {error}");
}
