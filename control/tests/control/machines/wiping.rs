//! What an attacker would look for in the machine that they get next: nothing of the one who
//! had it before, by either strategy.

use std::path::Path;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shared::{Secret, Upstream};
use vendors::sprites::services::Definition;
use vendors::sprites::{Command, ServiceName, SpriteName, Sprites};

use super::installation::{Town, Wanted};
use super::provider::{Provider, TOKEN};
use crate::common::wait_until;

/// How often a machine is handed on in each test; `make test-recycling` says another number.
fn rounds() -> u32 {
    std::env::var("ARCA_RECYCLINGS").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// Puts the line that comes in wherever somebody with all rights in a machine can.
const PLANT: &str = r#"set -eu
IFS= read -r secret
put() { mkdir -p "${1%/*}"; printf '%s\n' "$secret" >>"$1"; }
put /home/sprite/openclaw/workspace/deep/er/diary.md
put /home/sprite/openclaw/agents/main/sessions/chat.jsonl
put /home/sprite/openclaw/agents/main/agent/openclaw-agent.sqlite
put /home/sprite/openclaw/agents/main/agent/openclaw-agent.sqlite-wal
put /home/sprite/openclaw/skills/mine/SKILL.md
put /home/sprite/openclaw/openclaw.json.bak
put /home/sprite/openclaw/credentials/telegram.json
put /home/sprite/openclaw/.env
put /home/sprite/.bashrc
put /home/sprite/.bash_history
put /home/sprite/.ssh/id_ed25519
put /home/sprite/.cache/models/blob
put /root/.profile
put /etc/environment.d/50-mine.conf
put /etc/profile.d/mine.sh
put /etc/cron.d/mine
put /etc/mine.conf
put /var/spool/cron/crontabs/sprite
put /var/log/mine.log
put /var/lib/mine/db
put /.sprite/logs/services/mine.log
put /tmp/mine
put /var/tmp/mine
put /dev/shm/mine
put /usr/local/bin/mine
put /usr/share/mine
put /opt/mine/app
put /srv/mine/www
: >"/home/sprite/$secret"
ln -s "/nowhere/$secret" /home/sprite/link
ln /home/sprite/.bash_history /home/sprite/another-name
printf '%s' "$secret" | gzip >/home/sprite/packed.gz
chmod 000 /home/sprite/.ssh/id_ed25519
MINE=$secret setsid sleep 86400 </dev/null >/dev/null 2>&1 &
setsid sh -c 'sleep 86400' "$secret" </dev/null >/dev/null 2>&1 &
"#;

struct Customer<'a> {
    town: &'a Town,
    machine: SpriteName,
    secret: String,
}

async fn start(strategy: &str) -> Town {
    let wanted = Wanted { available: 1, failure_limit: 3 };
    Town::start_recycling(Provider::start().await, &wanted, strategy).await
}

fn sprites(town: &Town) -> Sprites {
    let url: Upstream = town.provider.url.parse().unwrap();
    Sprites::new(&url, &Secret::new(TOKEN.to_owned())).unwrap()
}

impl<'a> Customer<'a> {
    /// Has a workspace, and something to hide in every corner of it.
    async fn moves_in(town: &'a Town, username: &str) -> Self {
        let stands_ready = async || town.count("available").await > 0;
        wait_until("a machine stands ready", true, stands_ready).await;
        let task = town.pay(username).await;
        town.until_done(&task).await;
        town.check_live(username).await;
        let name = format!("SELECT name FROM sprites WHERE username = '{username}'");
        let machine = town.installation.database.text(&name).await.unwrap();
        let machine = SpriteName::parse(&machine).unwrap();
        let secret = format!("secret-of-{username}-{:016x}", rand());
        let customer = Self { town, machine, secret };
        customer.hide().await;
        customer
    }

    async fn hide(&self) {
        let sprites = sprites(self.town);
        let plant = Command::shell(PLANT).stdin(format!("{}\n", self.secret));
        let planted = sprites.run(&self.machine, &plant).await.unwrap();
        assert!(planted.is_success(), "{}", planted.stderr.text());
        let definition = Definition {
            command: "sh".to_owned(),
            arguments: vec!["-c".to_owned(), "echo $MINE; sleep 86400".to_owned()],
            environment: [("MINE".to_owned(), self.secret.clone())].into(),
            directory: None,
            needs: Vec::new(),
            http_port: None,
        };
        let mine = ServiceName::parse("mine").unwrap();
        sprites.put_service(&self.machine, &mine, &definition).await.unwrap();
        sprites.ensure_checkpoint(&self.machine, "mine").await.unwrap();
    }

    async fn moves_out(&self, username: &str) -> Value {
        let task = self.town.cancel(username).await;
        self.town.until_done(&task).await;
        let path = format!("/api/workspaces/{username}/receipt");
        self.town.control().api(Method::GET, &path, None).await.1
    }

    /// Whoever has the machines and the disks under them in their hands finds nothing.
    async fn check_gone(&self) {
        let found = found_on_disk(self.town.provider.state(), &self.secret);
        assert_eq!(found, [""; 0], "on the machines' disks");
        let found = found_in_processes(&self.secret);
        assert_eq!(found, [""; 0], "in processes");
        for name in self.town.provider.names().await {
            let services = self.town.provider.services(&name).await;
            assert!(!services.contains(&self.secret), "{services}");
        }
        let rows = self.town.rows().await;
        assert!(!json!(rows).to_string().contains(&self.secret));
    }

    async fn has_row(&self) -> bool {
        self.town.rows().await.iter().any(|row| row["name"] == self.machine.as_str())
    }
}

fn rand() -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    RandomState::new().hash_one(0)
}

/// By grep, which other people wrote; names and targets of links by find.
fn found_on_disk(state: &Path, secret: &str) -> Vec<String> {
    let run = |program: &str, arguments: &[&str]| {
        let mut command = std::process::Command::new(program);
        let output = command.args(arguments).arg(state).output().unwrap();
        String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let mut found = run("grep", &["-rlaF", "--devices=skip", "--", secret]);
    let names = std::process::Command::new("find")
        .arg(state)
        .args(["-printf", "%p %l\n"])
        .output()
        .unwrap();
    let names = String::from_utf8_lossy(&names.stdout).into_owned();
    found.extend(names.lines().filter(|line| line.contains(secret)).map(str::to_owned));
    found
}

fn found_in_processes(secret: &str) -> Vec<String> {
    let mut found = Vec::new();
    for process in std::fs::read_dir("/proc").unwrap().flatten() {
        for part in ["cmdline", "environ"] {
            let path = process.path().join(part);
            let text = std::fs::read(&path).unwrap_or_default();
            if text.windows(secret.len()).any(|window| window == secret.as_bytes()) {
                found.push(path.display().to_string());
            }
        }
    }
    found
}

#[tokio::test]
async fn a_machine_that_is_wiped_has_nothing_of_its_customer_for_the_next_one() {
    let town = start("wipe").await;
    for round in 0..rounds() {
        let username = format!("wiped{round}");
        let customer = Customer::moves_in(&town, &username).await;
        assert!(!found_on_disk(town.provider.state(), &customer.secret).is_empty());
        assert!(!found_in_processes(&customer.secret).is_empty());
        let receipt = customer.moves_out(&username).await;
        let line = receipt["lines"][2].to_string();
        assert!(line.contains("is put back") && line.contains("found none of them"), "{line}");
        customer.check_gone().await;
        assert!(customer.has_row().await, "it was replaced");
        assert_eq!(town.provider.checkpoints(customer.machine.as_str()).await.len(), 1);
    }
    // A machine that was handed on serves again.
    Customer::moves_in(&town, "next").await;
}

#[tokio::test]
async fn a_machine_that_is_replaced_leaves_nothing_behind() {
    let town = start("replace").await;
    for round in 0..rounds() {
        let username = format!("replaced{round}");
        let customer = Customer::moves_in(&town, &username).await;
        customer.moves_out(&username).await;
        customer.check_gone().await;
        assert!(!customer.has_row().await);
    }
}

/// Each way in which the proof cannot be made keeps the machine from everybody, and is told.
#[tokio::test]
async fn what_is_found_or_cannot_be_proved_is_quarantined_until_somebody_has_looked() {
    let town = start("wipe").await;
    for (username, trouble) in
        [("liar", "restore_lies"), ("broken", "restore_fails"), ("sealed", "checkpoint_fails")]
    {
        let customer = Customer::moves_in(&town, username).await;
        let name = customer.machine.as_str();
        town.provider.set_trouble(name, json!({ trouble: true })).await;
        quarantined(&town, &customer, username).await;
    }
    // A provider that keeps a checkpoint for itself.
    let customer = Customer::moves_in(&town, "hoarder").await;
    town.provider.arm("DELETE", "/v1/sprites/*/checkpoints/*", 100, "status:405").await;
    quarantined(&town, &customer, "hoarder").await;
}

/// Whoever comes next gets another one; a word of the operator's ends it.
async fn quarantined(town: &Town, customer: &Customer<'_>, username: &str) {
    let receipt = customer.moves_out(username).await;
    let line = receipt["lines"][2].to_string();
    assert!(line.contains("kept from everybody") && line.contains("destroyed"), "{line}");
    let name = customer.machine.as_str();
    let row = row(town, name).await.expect("it is kept");
    assert_eq!((&row["state"], &row["username"]), (&json!("quarantined"), &json!(null)));
    assert!(row["error"].as_str().unwrap().starts_with("could not be proved"), "{row:#}");
    assert!(town.edge.names().is_empty(), "a route leads to it");
    let (_, tickets) = town.control().api(Method::GET, "/api/tickets", None).await;
    assert!(tickets.to_string().contains(&format!("recycle/wipe/{name}")), "{tickets:#}");
    let shown = town.installation.cli(town.control(), "pool show").await;
    assert!(shown.contains("quarantined for") && shown.contains(name), "{shown}");
    let metrics = format!("http://{}/metrics", town.control().api);
    let metrics = reqwest::get(metrics).await.unwrap().text().await.unwrap();
    assert!(metrics.contains("arca_control_sprites{state=\"quarantined\"} 1"), "{metrics}");
    let destroy = format!("pool destroy {name} --reason looked --yes");
    town.installation.cli(town.control(), &destroy).await;
    wait_until("it is gone", false, async || customer.has_row().await).await;
    customer.check_gone().await;
    let journal = town.installation.cli(town.control(), "journal").await;
    assert!(journal.contains("by hand: looked"), "{journal}");
}

async fn row(town: &Town, name: &str) -> Option<Value> {
    town.rows().await.into_iter().find(|row| row["name"] == name)
}

/// A machine is kept for as long as was said, and whoever wants all deleted has it deleted.
#[tokio::test]
async fn a_quarantine_ends_by_itself_and_never_begins_for_who_is_erased() {
    let town = start("wipe").await;
    let customer = Customer::moves_in(&town, "ada").await;
    let name = customer.machine.as_str();
    town.provider.set_trouble(name, json!({ "restore_lies": true })).await;
    customer.moves_out("ada").await;
    assert_eq!(row(&town, name).await.unwrap()["state"], "quarantined");
    // Only a quarantined one is destroyed by hand.
    let next = town.next_in_line().await;
    let path = format!("/api/pool/sprites/{next}/destroy?reason=x");
    let (status, answer) = town.control().api(Method::POST, &path, None).await;
    assert_eq!((status, &answer["error"]["code"]), (StatusCode::CONFLICT, &json!("conflict")));
    let long_ago = format!("UPDATE sprites SET changed_at = 1 WHERE name = '{name}'");
    town.installation.database.run(long_ago).await;
    wait_until("its time is over", false, async || customer.has_row().await).await;
    customer.check_gone().await;

    let customer = Customer::moves_in(&town, "bob").await;
    let trouble = json!({ "restore_lies": true });
    town.provider.set_trouble(customer.machine.as_str(), trouble).await;
    let erased = "UPDATE workspaces SET end_reason = 'erasure' WHERE username = 'bob'";
    town.installation.database.run(erased.to_owned()).await;
    destroyed(&town, &customer, "bob").await;
}

async fn destroyed(town: &Town, customer: &Customer<'_>, username: &str) {
    let receipt = customer.moves_out(username).await;
    assert!(receipt["lines"][2].to_string().contains("is destroyed"), "{receipt:#}");
    customer.check_gone().await;
    assert!(!customer.has_row().await, "{username}");
    let name = customer.machine.as_str();
    let (_, tickets) = town.control().api(Method::GET, "/api/tickets", None).await;
    let told = format!("recycle/wipe/{name}");
    assert!(tickets.to_string().contains(&told), "{tickets:#}");
}

#[tokio::test]
async fn killed_at_every_step_it_is_wiped_or_nobodys_and_never_half_done() {
    let mut town = start("wipe").await;
    let secret = {
        let customer = Customer::moves_in(&town, "ada").await;
        customer.secret.clone()
    };
    let (before, after) = ("slow:120000", "after-commit:slow:120000");
    let calls = [
        ("POST", "/v1/sprites/*/services/*/stop", before),
        ("GET", "/v1/sprites/*/exec", before),
        ("PUT", "/v1/sprites/*/services/*", after),
        ("POST", "/v1/sprites/*/checkpoint", before),
        ("DELETE", "/v1/sprites/*/services/*", after),
        ("POST", "/v1/sprites/*/checkpoints/*/restore", before),
        ("DELETE", "/v1/sprites/*/checkpoints/*", after),
        ("GET", "/v1/sprites/*/checkpoints", before),
    ];
    super::crashes::lie_in_wait(&town, &calls).await;
    let task = town.cancel("ada").await;
    super::crashes::kill_in_each(&mut town, &calls).await;
    town.until_done(&task).await;
    // Of one that is quarantined the time is over.
    let long_ago = "UPDATE sprites SET changed_at = 1 WHERE state = 'quarantined'";
    town.installation.database.run(long_ago.to_owned()).await;
    wait_until("nothing is kept", 0, async || town.count("quarantined").await).await;
    wait_until("nothing is of no use", 0, async || town.count("failed").await).await;
    assert_eq!(found_on_disk(town.provider.state(), &secret), [""; 0]);
    assert_eq!(found_in_processes(&secret), [""; 0]);
    assert!(town.edge.names().is_empty());
    assert_eq!(town.count("recycling").await, 0);
    wait_until("a machine stands ready", true, async || town.count("available").await > 0).await;
    let task = town.pay("bob").await;
    town.until_done(&task).await;
    town.check_live("bob").await;
}
