//! Control is killed after the work of each step, before it is noted: whoever comes after it does
//! that step again, and those after it. The steps are those that the kinds name.

use std::collections::BTreeSet;

use control::model::task::Kind;
use reqwest::Method;
use serde_json::json;

use super::fleet;
use super::installation::{Town, Wanted};
use super::provider::Provider;
use crate::common::wait_until;

/// Kinds of which every step is one in which control is killed here.
pub(crate) const KINDS: [Kind; 5] =
    [Kind::Prepare, Kind::Provision, Kind::Recycle, Kind::Trial, Kind::Update];

/// The first note that a step of a kind is done is lost, and with it the lease: nothing more is
/// written in the task's name, as if its worker had ended there.
const ON_SQLITE: &str = "
    CREATE TRIGGER halt BEFORE UPDATE ON task_steps
    WHEN NEW.state = 'done'
        AND EXISTS (SELECT 1 FROM halting WHERE NEW.task LIKE kind || '-%')
        AND NOT EXISTS (SELECT 1 FROM halts WHERE NEW.task LIKE kind || '-%' AND step = NEW.name)
    BEGIN
        INSERT INTO halts SELECT kind, NEW.name FROM tasks WHERE id = NEW.task;
        UPDATE tasks SET lease_token = lease_token + 1 WHERE id = NEW.task;
        SELECT RAISE(IGNORE);
    END;";
const ON_POSTGRES: &str = "
    CREATE FUNCTION halt() RETURNS trigger AS $$ BEGIN
        IF NEW.state <> 'done'
            OR NOT EXISTS (SELECT 1 FROM halting WHERE NEW.task LIKE kind || '-%')
            OR EXISTS (SELECT 1 FROM halts WHERE NEW.task LIKE kind || '-%' AND step = NEW.name)
        THEN RETURN NEW; END IF;
        INSERT INTO halts SELECT kind, NEW.name FROM tasks WHERE id = NEW.task;
        UPDATE tasks SET lease_token = lease_token + 1 WHERE id = NEW.task;
        RETURN NULL;
    END $$ LANGUAGE plpgsql;
    CREATE TRIGGER halt BEFORE UPDATE ON task_steps FOR EACH ROW EXECUTE FUNCTION halt();";

async fn halt_in_each_step(town: &Town, kinds: &[Kind]) {
    let database = &town.installation.database;
    let tables = "CREATE TABLE halts (kind TEXT, step TEXT); CREATE TABLE halting (kind TEXT);";
    database.run(tables.to_owned()).await;
    for kind in kinds {
        database.run(format!("INSERT INTO halting VALUES ('{}')", kind.as_str())).await;
    }
    let triggers = if database.is_server() { ON_POSTGRES } else { ON_SQLITE };
    database.run(triggers.to_owned()).await;
}

/// Steps of a kind in which somebody was halted.
async fn halts(town: &Town, kind: Kind) -> BTreeSet<String> {
    let mut halts = BTreeSet::new();
    for step in kind.spec().steps {
        let (kind, step) = (kind.as_str(), step.as_str());
        let asked = format!("SELECT step FROM halts WHERE kind = '{kind}' AND step = '{step}'");
        halts.extend(town.installation.database.text(&asked).await);
    }
    halts
}

/// Kills control in every step of the task of this kind that is under way, and has it started
/// again, until the task is done.
async fn kill_in_each_step(town: &mut Town, kind: Kind) {
    let steps: BTreeSet<_> =
        kind.spec().steps.iter().map(|step| step.as_str().to_owned()).collect();
    for killed in 1..=steps.len() {
        let what = format!("{} is halted {killed} times", kind.as_str());
        wait_until(&what, killed, async || halts(town, kind).await.len()).await;
        check_owners(town).await;
        town.kill_control().await;
        // A worker that dies ends an attempt, of which some kinds have fewer than steps.
        town.installation.database.run("UPDATE tasks SET attempts = 0".to_owned()).await;
        town.start_control().await;
    }
    assert_eq!(halts(town, kind).await, steps);
}

/// Every route leads to a machine that is its customer's, and nobody has two.
async fn check_owners(town: &Town) {
    let rows = town.rows().await;
    let mut owners = BTreeSet::new();
    for row in rows.iter().filter(|row| row["state"] == "assigned") {
        assert!(owners.insert(row["username"].to_string()), "two machines of one: {rows:#?}");
    }
    for (username, route) in &town.edge.table().routes {
        let is_its = |row: &&serde_json::Value| {
            row["name"] == route.sprite.as_str()
                && row["username"] == username.as_str()
                && row["state"] == "assigned"
        };
        assert!(rows.iter().any(|row| is_its(&row)), "{username}'s {route:?}: {rows:#?}");
    }
}

/// What there is at the provider is what we know of.
async fn check_machines(town: &Town, expected: usize) {
    let mut names = town.provider.names().await;
    let rows = town.rows().await;
    let mut known: Vec<_> = rows.iter().map(|row| row["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    known.sort_unstable();
    assert_eq!(names, known);
    assert_eq!(names.len(), expected, "{rows:#?}");
}

async fn a_workspace_comes_and_goes(strategy: &str) {
    let wanted = Wanted { available: 0, failure_limit: 3 };
    let provider = Provider::start().await;
    let mut town = Town::start_recycling(provider, &wanted, strategy).await;
    halt_in_each_step(&town, &[Kind::Prepare, Kind::Provision, Kind::Recycle]).await;
    let one = Some(json!({ "count": 1 }));
    town.control().api(Method::POST, "/api/pool/prepare", one).await;
    kill_in_each_step(&mut town, Kind::Prepare).await;
    town.until_available(1).await;
    check_machines(&town, 1).await;

    let task = town.pay("ada").await;
    kill_in_each_step(&mut town, Kind::Provision).await;
    town.until_done(&task).await;
    town.check_live("ada").await;
    check_machines(&town, 1).await;

    let wipes = strategy == "wipe";
    if wipes {
        // A machine is worth wiping where some are to stand ready.
        town.kill_control().await;
        town.installation.configure("available = 0", "available = 1");
        town.start_control().await;
        town.until_available(1).await;
    }
    let task = town.cancel("ada").await;
    kill_in_each_step(&mut town, Kind::Recycle).await;
    town.until_done(&task).await;
    assert!(town.edge.names().is_empty());
    let letters = town.ids("/api/mails").await;
    let distinct: BTreeSet<_> = letters.iter().collect();
    assert_eq!(letters.len(), distinct.len(), "a letter twice: {letters:?}");
    check_machines(&town, if wipes { 2 } else { 0 }).await;
}

#[tokio::test]
async fn killed_in_each_step_a_workspace_has_one_machine_and_leaves_none() {
    a_workspace_comes_and_goes("replace").await;
}

#[tokio::test]
async fn killed_in_each_step_a_workspace_has_one_machine_and_leaves_it_wiped() {
    a_workspace_comes_and_goes("wipe").await;
}

/// Where the new version does not run, so that each step of an update is one of this.
#[tokio::test]
async fn killed_in_each_step_an_update_is_tried_comes_and_goes_back() {
    let mut town = fleet::town(&["ada"]).await;
    let machine = fleet::machine(&town, "ada").await;
    town.provider.write(&machine, "/home/sprite/bad", b"yes".to_vec()).await;
    halt_in_each_step(&town, &[Kind::Trial, Kind::Update]).await;
    fleet::change(&mut town, fleet::FIRST, fleet::GOOD).await;
    kill_in_each_step(&mut town, Kind::Trial).await;
    kill_in_each_step(&mut town, Kind::Update).await;
    let over = fleet::until(&town, "it is back", |it| it["went_back"] == 1).await;
    assert_eq!(over["updated"], 0, "{over:#}");
    fleet::until_started(&town, "ada").await;
    town.check_live("ada").await;
    check_owners(&town).await;
}
