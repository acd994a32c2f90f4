//! The operator's command line: what it asks, what it says, and how it ends.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::common::edge::TestEdge;
use crate::common::{World, wait_until};
use crate::machines::customer;

const NOT_CONFIRMED: Option<i32> = Some(4);
const NOT_WELL: Option<i32> = Some(3);
const USAGE: Option<i32> = Some(64);
const UNREACHABLE: Option<i32> = Some(69);
/// What a shell says of a program that SIGPIPE has ended.
const READER_GONE: Option<i32> = Some(141);

async fn is_routed(world: &World) -> bool {
    world.api(Method::GET, "/api/routes/ada", None).await.0 == StatusCode::OK
}

#[tokio::test]
async fn nobody_is_taken_offline_without_a_question() {
    let world = World::start(&[]).await;
    world.add_customer("ada").await;
    world.put_route("ada").await;
    let epoch = world.api(Method::GET, "/api/routes/ada", None).await.1["epoch"].clone();
    let hurting = [
        ("routes remove ada", "takes ada offline at once"),
        ("routes put ada https://ada-2.sprites.test", "leads ada to https://ada-2.sprites.test"),
        ("customers suspend ada", "closes the workspace ada now"),
        ("customers sign-out ada", "signs out every browser of ada"),
        ("customers password ada", "sets another password for ada"),
        ("customers set-email ada ada@elsewhere.test", "letters and receipts for ada to"),
        ("locks add ada", "ends every session of ada"),
        ("workspaces end ada", "ends the workspace ada of ada@mail.test for good"),
        ("workspaces replace-machine ada --reason x", "destroys the machine of ada"),
    ];
    for (line, consequence) in hurting {
        let (code, said, complaint) = world.cli_ended(line).await;
        assert_eq!((code, said.as_str()), (NOT_CONFIRMED, ""), "{line}: {complaint}");
        assert!(complaint.starts_with("control: nothing was changed: This "), "{complaint}");
        assert!(complaint.contains(consequence) && complaint.contains("--yes"), "{complaint}");
        let said = world.cli(&format!("{line} --dry-run")).await;
        assert!(said.starts_with("Dry run, nothing was changed. "), "{said}");
        assert!(said.contains(consequence), "{said}");
    }
    let (_, route) = world.api(Method::GET, "/api/routes/ada", None).await;
    assert_eq!((&route["state"], &route["epoch"]), (&json!("live"), &epoch), "{route}");
    assert_eq!(route["upstream"], "https://ada-1.sprites.test");
    let (_, locks) = world.api(Method::GET, "/api/locks", None).await;
    assert_eq!(locks["items"], json!([]));
    world.cli("routes remove ada --yes").await;
    assert!(!is_routed(&world).await);
    // Who is not there is said before anybody is asked.
    let (code, _, complaint) = world.cli_ended("routes remove ada").await;
    assert_eq!((code, complaint.as_str()), (Some(1), "control: There is no route for ada.\n"));
}

#[tokio::test]
async fn who_or_what_is_not_there_is_said_before_anybody_is_asked_and_in_a_dry_run() {
    let world = World::start(&[]).await;
    world.add_customer("ada").await;
    for line in [
        "customers suspend bob",
        "customers sign-out bob",
        "customers password bob",
        "customers set-email bob bob@mail.test",
        "customers erase bob",
        "customers remove-domain bob chat.example.org",
        "customers remove-domain ada chat.example.org",
        "locks add bob",
        "edges remove nowhere",
        "workspaces end bob",
        "workspaces replace-machine bob --reason x",
        "routes remove bob",
    ] {
        for line in [line.to_owned(), format!("{line} --dry-run")] {
            let (code, said, complaint) = world.cli_ended(&line).await;
            assert_eq!((code, said.as_str()), (Some(1), ""), "{line}: {complaint}");
            assert!(!complaint.contains("nothing was changed"), "{line}: {complaint}");
        }
    }
    for line in ["customers resume bob", "workspaces provision bob", "workspaces provision ada"] {
        let (code, said, _) = world.cli_ended(&format!("{line} --dry-run")).await;
        assert_eq!((code, said.as_str()), (Some(1), ""), "{line}");
    }
}

#[tokio::test]
async fn what_cannot_be_meant_is_said_before_anybody_is_asked_and_in_a_dry_run() {
    let world = World::start(&[]).await;
    world.add_customer("ada").await;
    world.put_route("ada").await;
    for line in [
        "edges remove ../locks/ada",
        "edges remove ..",
        "edges token a/b",
        "edges add e1 ftp://10.0.0.1 --token-file /dev/null",
        "routes put ada javascript:x",
        "routes put ada https://ada-2.sprites.test/path",
        "customers set-email ada nowhere",
        "customers add bob nowhere",
        "locks add ada --session ../..",
        "locks add ada --until 2020-01-01T00:00:00Z",
        "locks remove ada --session zz",
        "pool prepare 0",
        "tasks list --limit 0",
        "journal --limit 1001",
    ] {
        for line in [line.to_owned(), format!("{line} --dry-run"), format!("{line} --yes")] {
            let (code, said, complaint) = world.cli_ended(&line).await;
            assert_eq!((code, said.as_str()), (USAGE, ""), "{line}: {complaint}");
        }
    }
    assert!(is_routed(&world).await);
}

#[tokio::test]
async fn a_change_that_an_edge_does_not_serve_yet_is_no_success() {
    let mut edge = TestEdge::start("one").await;
    let world = World::start(&[&edge]).await;
    world.add_customer("ada").await;
    world.put_route("ada").await;
    edge.go_away().await;
    for line in ["customers suspend ada --yes", "locks add ada --yes", "routes remove ada --yes"] {
        let (code, said, complaint) = world.cli_ended(line).await;
        assert_eq!((code, complaint.as_str()), (NOT_WELL, ""), "{line}");
        assert!(said.contains("not yet"), "{line}: {said}");
    }
    world.cli("routes put ada https://ada-1.sprites.test --no-wait").await;
}

#[tokio::test]
async fn a_dry_run_writes_no_file() {
    let world = World::start(&[]).await;
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    for line in [format!("support-bundle {}", path("a")), format!("man {}", path("b"))] {
        let said = world.cli(&format!("{line} --dry-run")).await;
        assert!(said.starts_with("Dry run, nothing was changed. "), "{said}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_dry_run_of_what_hurts_nobody_changes_nothing_either() {
    let world = World::start(&[]).await;
    let said = world.cli("customers add ada ada@mail.test --dry-run --json").await;
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["dry_run"], true);
    world.cli("routes put ada https://ada-1.sprites.test --dry-run").await;
    assert!(!is_routed(&world).await);
    let (_, customers) = world.api(Method::GET, "/api/customers", None).await;
    assert_eq!(customers["items"], json!([]));
}

#[tokio::test]
async fn programs_read_errors_as_json_and_times_as_rfc_3339() {
    let world = World::start(&[]).await;
    world.add_customer("ada").await;
    let error = async |line: &str, code: Option<i32>| {
        let (seen, said, complaint) = world.cli_ended(&format!("{line} --json")).await;
        assert_eq!((seen, said.as_str()), (code, ""), "{line}: {complaint}");
        let value: Value =
            serde_json::from_str(&complaint).unwrap_or_else(|_| panic!("{complaint}"));
        value["error"]["code"].as_str().unwrap().to_owned()
    };
    assert_eq!(error("customers show bob", Some(1)).await, "not_found");
    assert_eq!(error("customers suspend ada", NOT_CONFIRMED).await, "not_confirmed");
    assert_eq!(error("customers suspend", USAGE).await, "usage");
    assert_eq!(error("locks add ada --until tomorrow", USAGE).await, "usage");
    assert_eq!(error("status --config /nowhere/control.toml", USAGE).await, "configuration");
    let shown: Value = serde_json::from_str(&world.cli("customers show ada --json").await).unwrap();
    assert_eq!(shown["customer"]["created_at"], "2027-01-15T08:00:00Z");
    world.cli("locks add ada --until 2027-01-15T10:00:00+01:00 --yes").await;
    let locks: Value = serde_json::from_str(&world.cli("locks list --json").await).unwrap();
    assert_eq!(locks, json!([{ "username": "ada", "until": "2027-01-15T09:00:00Z" }]));
    let shown = world.cli("locks list").await;
    assert!(shown.ends_with("ada       all      2027-01-15T09:00:00Z\n"), "{shown}");
}

#[tokio::test]
async fn a_control_that_is_not_there_is_named_with_a_code_of_its_own() {
    let mut world = World::start(&[]).await;
    world.running.take().unwrap().stop().await;
    let (code, _, complaint) = world.cli_ended("edges").await;
    assert_eq!(code, UNREACHABLE, "{complaint}");
    assert!(complaint.contains("is `control serve` running?"), "{complaint}");
}

#[tokio::test]
async fn a_reader_who_is_gone_is_told_nothing() {
    let world = World::start(&[]).await;
    for line in ["status", "status --json", "status --watch=3600", "openapi", "completions bash"] {
        let (code, complaint) = world.cli_unread(line).await;
        assert_eq!((code, complaint.as_str()), (READER_GONE, ""), "{line}");
    }
}

#[tokio::test]
async fn empty_lists_say_so() {
    let world = World::start(&[]).await;
    let check = async |line: &str, expected: &str| {
        assert_eq!(world.cli(line).await, format!("{expected}\n"), "{line}");
        assert_eq!(world.cli(&format!("{line} --json")).await, "[]\n", "{line}");
    };
    check("tasks list", "no tasks").await;
    check("mails list", "no letters").await;
    check("tickets list", "no incidents").await;
    check("customers list", "no customers").await;
    check("routes list", "no routes").await;
    check("locks list", "no locks").await;
}

#[tokio::test]
async fn a_question_of_a_customer_is_answered_by_one_command() {
    let world = World::start(&[]).await;
    world.database.run(customer::rows("ada", "live")).await;
    world.put_route("ada").await;
    let machine =
        "INSERT INTO sprites (name, state, base, username, assignment, created_at, changed_at)
         VALUES ('arca-7', 'assigned', 'b', 'ada', 1, 1799999940000, 1799999940000)";
    world.database.run(machine.to_owned()).await;
    let task = "INSERT INTO tasks (id, kind, dedupe_key, username, payload, state, attempts,
             max_attempts, run_at, due_at, lease_token, last_error, created_at, changed_at)
         VALUES ('RECYCLE-20270115-00000001', 'RECYCLE', 'x', 'ada', '{}', 'waiting', 2, 30,
             1800000300000, 1, 1, 'the provider is away', 1799992800000, 1)";
    world.database.run(task.to_owned()).await;
    let mail = "INSERT INTO mails (id, kind, username, body, state, why, created_at, ended_at)
         VALUES ('m1', 'welcome', 'ada', '', 'dropped', 'the link in it has expired',
             1799996400000, 1799996400000)";
    world.database.run(mail.to_owned()).await;
    let email = world.database.text("SELECT email FROM customers").await.unwrap();
    let shown = world.cli(&format!("customers show {}", email.to_uppercase())).await;
    for expected in [
        "workspace    ada http://ada.arca.test:8080\n".to_owned(),
        format!("customer     {email}"),
        "route        live to https://ada-1.sprites.test\n".to_owned(),
        "machine      arca-7 assigned, proved never ago\n".to_owned(),
        "RECYCLE-20270115-00000001  waiting  2h   2/30      in 5m  the provider is away\n"
            .to_owned(),
        "welcome  dropped  60m  -     the link in it has expired\n".to_owned(),
        "\nSESSIONS\nnobody is signed in\n".to_owned(),
    ] {
        assert!(shown.contains(&expected), "{expected:?} is not in\n{shown}");
    }
    assert_eq!(world.cli("customers show ada").await, shown);
    let (code, _, complaint) = world.cli_ended("customers show bob@mail.test").await;
    assert_eq!(code, Some(1));
    assert!(complaint.contains("nobody has a workspace under bob@mail.test"), "{complaint}");
    // By whatever is known of it.
    for search in ["ada", "arca-7", &email.to_uppercase()[..6], "ad"] {
        let found = world.cli(&format!("customers list --search {search}")).await;
        assert!(found.contains("\nada "), "{search}: {found}");
    }
    assert_eq!(world.cli("customers list --search a_a").await, "no customers\n");
}

#[tokio::test]
async fn who_has_ended_is_still_listed_and_shown() {
    let world = World::start(&[]).await;
    // While its name is in quarantine; at once, as upkeep would take it for one whose
    // quarantine is over.
    let ended = customer::rows("ada", "ended");
    let quarantine = "INSERT INTO usernames (username, signup, state, until_at)
         SELECT username, signup, 'quarantine', 9000000000000 FROM workspaces";
    let statements = format!("BEGIN; {ended}; {quarantine}; DELETE FROM customers; COMMIT");
    world.database.run(statements).await;
    world.add_customer("bob").await;
    let listed = world.cli("customers list").await;
    let states: Vec<_> =
        listed.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>()).collect();
    assert_eq!((states[0][0], states[0][1], states[0][2]), ("ada", "-", "ended"), "{listed}");
    assert_eq!((states[1][0], states[1][2]), ("bob", "active"), "{listed}");
    let ended = world.cli("customers list --state ended").await;
    assert!(ended.contains("ada") && !ended.contains("bob"), "{ended}");
    let shown = world.cli("customers show ada").await;
    assert!(shown.contains("customer     none (any more)\nstate        ended"), "{shown}");
}

#[tokio::test]
async fn why_a_letter_was_dropped_is_said() {
    let world = World::start(&[]).await;
    world.add_customer("ada").await;
    let mail = "INSERT INTO mails (id, kind, username, body, state, expires_at, created_at)
         VALUES ('m1', 'reset_password', 'ada', '{}', 'waiting', 1, 1799996400000)";
    world.database.run(mail.to_owned()).await;
    let task = "INSERT INTO tasks (id, kind, dedupe_key, username, payload, state, attempts,
             max_attempts, run_at, due_at, lease_token, created_at, changed_at)
         VALUES ('MAIL-20270115-00000001', 'MAIL', 'mail/m1', 'ada',
             '{\"mail\":\"m1\",\"letter\":\"reset_password\"}', 'waiting', 0, 30, 1, 1, 1,
             1799996400000, 1)";
    world.database.run(task.to_owned()).await;
    let listed =
        async || world.cli("mails list").await.lines().nth(1).unwrap_or_default().to_owned();
    let dropped = "reset_password  dropped  ada  60m  -     m1  the link in it has expired";
    wait_until("it is dropped", dropped.to_owned(), listed).await;
}

#[tokio::test]
async fn one_screen_says_whether_all_is_well_and_what_to_do() {
    let edge = TestEdge::start("one").await;
    let world = World::start(&[&edge]).await;
    world.add_customer("ada").await;
    world.put_route("ada").await;
    // How many there are to look at depends on this machine's disk as well.
    let is_well = async || world.cli_ended("status").await.1.starts_with("All is well; ");
    wait_until("all is well", true, is_well).await;
    let (code, said, _) = world.cli_ended("status").await;
    assert_eq!(code, Some(0), "{said}");
    for line in [
        "  ok      database  it takes writes",
        "  ok      paid      everybody who has paid has a workspace",
        "  ok      edges     1 edge in step",
        "  ok      routes    1 route",
        "  look    stripe    there is no [stripe]",
        "                    → Nobody can sign up without it.",
        "generation 2",
    ] {
        assert!(said.lines().any(|it| it == line), "{line:?} is not in\n{said}");
    }
    let dead = "INSERT INTO tasks (id, kind, dedupe_key, payload, state, attempts,
             max_attempts, run_at, due_at, lease_token, created_at, changed_at, finished_at)
         VALUES ('PROV-20270115-00000001', 'PROV', 'x', '{}', 'dead', 20, 20, 1, 1, 1, 1, 1, 1)";
    world.database.run(dead.to_owned()).await;
    let (code, said, _) = world.cli_ended("status").await;
    assert_eq!(code, NOT_WELL, "{said}");
    assert!(said.starts_with("NOT WELL: 1 broken, "), "{said}");
    assert!(said.contains("  BROKEN  tasks     given up: 1 PROV\n"), "{said}");
    assert!(said.contains("then `control tasks retry ID`"), "{said}");
    let (code, said, complaint) = world.cli_ended("status --json").await;
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, complaint.as_str(), &said["well"]), (NOT_WELL, "", &json!(false)));
    assert_eq!(said["at"], "2027-01-15T08:00:00Z");
}

#[tokio::test]
async fn a_doctor_tries_what_is_configured_and_says_how_to_mend_it() {
    let edge = TestEdge::start("one").await;
    let world = World::start(&[&edge]).await;
    let (code, said, _) = world.cli_ended("doctor --json").await;
    let said: Value = serde_json::from_str(&said).unwrap();
    let finding = |check: &str| {
        let found = said.as_array().unwrap().iter().find(|it| it["check"] == check);
        let found = found.unwrap_or_else(|| panic!("no {check} in {said:#}"));
        (found["verdict"].as_str().unwrap(), found["says"].as_str().unwrap(), &found["mend"])
    };
    assert_eq!(finding("configuration").0, "well");
    assert_eq!(finding("control").0, "well");
    assert_eq!(finding("database").0, "well");
    assert_eq!(finding("stripe").0, "unknown");
    // Nobody has the name of these tests.
    let (verdict, says, mend) = finding("dns");
    assert_eq!((verdict, says), ("ill", "arca.test has no address"));
    assert!(mend.as_str().unwrap().contains("A record"), "{mend}");
    assert_eq!(finding("site").0, "ill");
    assert_eq!(code, NOT_WELL);
    let (code, said, _) = world.cli_ended("doctor --config /nowhere/control.toml").await;
    assert_eq!(code, NOT_WELL);
    assert!(
        said.starts_with("ILL  configuration  /nowhere/control.toml: cannot be read"),
        "{said}"
    );
    assert!(said.ends_with("\n1 thing to mend.\n"), "{said}");
}

#[tokio::test]
async fn shells_and_man_know_every_command() {
    let world = World::start(&[]).await;
    for shell in ["bash", "zsh", "fish"] {
        let script = world.cli(&format!("completions {shell}")).await;
        for word in ["customers", "replace-machine", "dry-run", "doctor"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    let folder = tempfile::tempdir().unwrap();
    world.cli(&format!("man {}", folder.path().display())).await;
    let page = std::fs::read_to_string(folder.path().join("control.1")).unwrap();
    assert!(page.contains("control does not answer"), "{page}");
    assert!(folder.path().join("control-customers-show.1").exists());
}

#[tokio::test]
async fn only_what_changes_nothing_is_watched() {
    let world = World::start(&[]).await;
    for line in ["routes remove ada --watch", "pool resume --watch=5", "status --watch=0"] {
        let (code, said, complaint) = world.cli_ended(line).await;
        assert_eq!((code, said.as_str()), (USAGE, ""), "{line}: {complaint}");
    }
}

#[tokio::test]
async fn money_is_what_those_pay_whose_subscription_is_good() {
    let world = World::start(&[]).await;
    world.database.run(customer::rows("ada", "live")).await;
    world.database.run(customer::rows("bob", "live")).await;
    let late = "UPDATE workspaces SET subscription_status = 'past_due' WHERE username = 'bob'";
    world.database.run(late.to_owned()).await;
    let said = world.cli("money").await;
    let first = "$7 a month from 1 at $7; $7 more from 1 whose payment failed\n";
    assert!(said.starts_with(first), "{said}");
}
