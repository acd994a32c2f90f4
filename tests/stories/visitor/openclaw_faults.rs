//! Every kind of bad `openclaw.json`, given to the real OpenClaw.
//!
//! Each is healed, or said and not tried again without end, and the last good file stays what
//! it was. Prints how long each took. Slow, so it runs by `make test-openclaw-faults` only;
//! `FAULT=name` runs one of them.

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use e2e::openclaw::OpenClaw;
use e2e::sprite::{Gateway, Sprite};
use e2e::wait::ensure;
use e2e::{Plan, World, binaries, wait_until_within};
use serde_json::Value;

/// A start, a doctor, a start, a file put back, a start; each a minute on a loaded machine.
const HEALED: Duration = Duration::from_secs(600);

/// A configuration counts as good after this long, so that a case takes no minute more.
const PROVEN: &str = "proven_after_seconds = 5\n";

/// Root may read everything, unless it may not.
const AS_ORDINARY_READER: [&str; 3] =
    ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--"];

/// Replaces or changes the file in place, which was good; it may use the folder beside it.
type Spoil = fn(file: &Path, folder: &Path);

const FAULTS: &[(&str, Spoil)] = &[
    ("a syntax error", |file, _| std::fs::write(file, "{ \"gateway\": { nope").unwrap()),
    ("an unknown key", |file, _| edit(file, |config| config["bogus"] = 1.into())),
    ("a wrong type", |file, _| edit(file, |config| config["gateway"]["port"] = "many".into())),
    ("a wrong token", |file, _| {
        edit(file, |config| config["gateway"]["auth"]["token"] = "not-the-gateways-token".into());
    }),
    ("a wrong mode of authentication", |file, _| {
        edit(file, |config| config["gateway"]["auth"]["mode"] = "trusted-proxy".into());
    }),
    ("a plugin that ends the gateway at its start", crashing_plugin),
    ("an empty file", |file, _| std::fs::write(file, "").unwrap()),
    ("100 MB", |file, _| {
        edit(file, |config| config["bogus"] = "x".repeat(100 << 20).into());
    }),
    ("not readable", |file, _| {
        std::fs::set_permissions(file, Permissions::from_mode(0o000)).unwrap();
    }),
    ("a link to another file", |file, folder| {
        let elsewhere = folder.join("elsewhere.json");
        std::fs::write(&elsewhere, "{ nope").unwrap();
        std::fs::remove_file(file).unwrap();
        symlink(elsewhere, file).unwrap();
    }),
    ("a folder in its place", |file, _| {
        std::fs::remove_file(file).unwrap();
        std::fs::create_dir(file).unwrap();
    }),
    ("a pipe in its place", |file, _| {
        std::fs::remove_file(file).unwrap();
        assert!(Command::new("mkfifo").arg(file).status().unwrap().success());
    }),
    ("no file at all", |file, _| std::fs::remove_file(file).unwrap()),
    ("written by somebody who left out what the gateway notes", |file, _| {
        edit(file, |config| {
            config.as_object_mut().unwrap().remove("meta");
            config["gateway"]["auth"]["token"] = "not-the-gateways-token".into();
        });
    }),
];

fn edit(file: &Path, change: impl FnOnce(&mut Value)) {
    let mut config = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    change(&mut config);
    std::fs::write(file, config.to_string()).unwrap();
}

fn crashing_plugin(file: &Path, folder: &Path) {
    let plugin = folder.join("crashing");
    std::fs::create_dir_all(&plugin).unwrap();
    let manifest = r#"{"id":"crashing","name":"crashing","version":"1.0.0","description":"x",
        "activation":{"onStartup":true},
        "configSchema":{"type":"object","additionalProperties":false,"properties":{}}}"#;
    std::fs::write(plugin.join("openclaw.plugin.json"), manifest).unwrap();
    let package = r#"{"name":"crashing","version":"1.0.0","type":"module",
        "openclaw":{"extensions":["./index.js"]}}"#;
    std::fs::write(plugin.join("package.json"), package).unwrap();
    let script = "process.exit(3);\nexport default { id: 'crashing', register() {} };\n";
    std::fs::write(plugin.join("index.js"), script).unwrap();
    edit(file, |config| {
        config["plugins"]["load"]["paths"] = serde_json::json!([plugin]);
        config["plugins"]["allow"] = serde_json::json!(["memory-core", "crashing"]);
        config["plugins"]["entries"]["crashing"]["enabled"] = true.into();
    });
}

/// The workspace whose gateway gets the bad files.
struct Case<'a> {
    sprite: &'a Sprite,
    client: reqwest::Client,
    file: PathBuf,
    good: Vec<u8>,
}

impl Case<'_> {
    async fn health(&self) -> anyhow::Result<Value> {
        let url = format!("http://{}/pflaster/health", self.sprite.address());
        let answer = self.client.get(url).bearer_auth(self.sprite.health_token()).send().await?;
        Ok(answer.json().await?)
    }

    /// OpenClaw keeps copies of its own, and now and then goes back to one by itself.
    fn put_aside_by_openclaw(&self) -> usize {
        let files = std::fs::read_dir(self.file.parent().unwrap()).unwrap();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with("openclaw.json.clobbered")).count()
    }

    fn beside(&self, name: &str) -> PathBuf {
        self.file.with_file_name(format!("openclaw.json.{name}"))
    }

    /// Until all is well, and has been for long enough.
    async fn proven(&self) -> Value {
        wait_until_within(HEALED, "the gateway has proven itself", async || {
            let health = self.health().await?;
            let is_proven = health["status"] == "ok"
                && health["gateway"]["detail"] == "ready"
                && self.beside("last-worked").exists();
            ensure(is_proven, anyhow!("{}", health["gateway"]))?;
            Ok::<_, anyhow::Error>(health)
        })
        .await
        .unwrap()
    }

    /// How it was healed, and how long that took.
    async fn heals(&self, name: &str, spoil: Spoil) -> String {
        self.sprite.agent.stop();
        let _ = std::fs::remove_file(self.beside("refused.reason"));
        std::fs::write(self.beside("last-worked"), &self.good).unwrap();
        let aside = self.put_aside_by_openclaw();
        spoil(&self.file, self.sprite.folder());
        self.sprite.agent.start().unwrap();
        let started = Instant::now();
        let ready = wait_until_within(HEALED, &format!("{name} is healed"), async || {
            let health = self.health().await?;
            let is_over = health["status"] == "ok" || health["status"] == "failed";
            ensure(is_over, anyhow!("{}", health["gateway"]))?;
            Ok::<_, anyhow::Error>(health)
        })
        .await
        .unwrap();
        let taken = started.elapsed().as_secs_f64();
        assert_eq!(ready["status"], "ok", "{name}: {}", ready["gateway"]);
        let health = self.proven().await;
        let by_itself = if self.put_aside_by_openclaw() > aside { "openclaw" } else { "nobody" };
        let by = health["gateway"]["mended"]["by"].as_str().unwrap_or(by_itself).to_owned();
        assert_ne!(by, "nobody", "{name}: it was not bad");
        // Good again, and whatever is kept as good is: the next case starts from it.
        let kept = std::fs::read(self.beside("last-worked")).unwrap();
        assert!(!String::from_utf8_lossy(&kept).contains("bogus"), "{name}: kept as good");
        let reason = std::fs::read_to_string(self.beside("refused.reason")).unwrap_or_default();
        let reason = reason.lines().next().unwrap_or_default().to_owned();
        let restarts = &health["gateway"]["restarts"];
        format!("{name:56} {taken:6.1} s  {by:12} {restarts} restarts  {reason}")
    }
}

#[tokio::test]
#[ignore = "slow: make test-openclaw-faults runs it"]
async fn every_bad_configuration_is_healed_by_the_real_openclaw() {
    let cache = binaries::target_folder().unwrap().join("openclaw");
    let openclaw = OpenClaw::install(&cache).unwrap().behind(&AS_ORDINARY_READER);
    let version = openclaw.version().unwrap();
    let plan = Plan { gateway: Gateway::Real(openclaw), ..Plan::with_tenants(&["ada"]) };
    let world = World::start(plan).await.unwrap();
    let sprite = world.sprite("ada");
    sprite.agent.stop();
    let config = sprite.folder().join("sprite-agent.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("[supervisor]\n", &format!("[supervisor]\n{PROVEN}")))
        .unwrap();
    sprite.agent.start().unwrap();
    let file = sprite.folder().join("openclaw/openclaw.json");
    let mut case =
        Case { sprite, client: e2e::http::client().build().unwrap(), file, good: Vec::new() };
    case.proven().await;
    edit(&case.beside("last-worked"), |config| {
        // As the gateway notes it when it writes: a file that lacks it is another fault.
        config["meta"] = serde_json::json!({"lastTouchedVersion": version,
            "migrations": {"modelPolicyAllowlist": true, "utilityModelSeparation": true}});
    });
    case.good = std::fs::read(case.beside("last-worked")).unwrap();
    let only = std::env::var("FAULT").ok().filter(|name| !name.is_empty());
    let chosen = FAULTS.iter().filter(|(name, _)| only.as_deref().is_none_or(|it| it == *name));
    for (name, spoil) in chosen {
        eprintln!("{}", case.heals(name, *spoil).await);
        std::fs::write(&case.file, &case.good).unwrap();
    }
}
