//! The operator's page, over HTTP: who gets in, what they see, and what they may do.

use std::time::Duration;

use reqwest::header::{COOKIE, HeaderMap, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::{Method, StatusCode};
use serde_json::json;
use shared::RouteState;
use sqlx::Connection as _;

use crate::common::edge::TestEdge;
use crate::common::{ADMIN_KEY, World, wait_until};
use crate::machines::customer;

const GRACE: &str = "grace-grace-grace-grace-grace-grace";
const LINUS: &str = "linus-linus-linus-linus-linus-linus";

const OPERATORS: &str = "[[operators]]\nname = 'grace'\nrole = 'act'\nkey = 'grace-grace-grace-grace-grace-grace'\n\
     [[operators]]\nname = 'linus'\nrole = 'read'\nkey = 'linus-linus-linus-linus-linus-linus'\n";

/// A browser of an operator.
pub(crate) struct Browser<'a> {
    world: &'a World,
    cookie: String,
}

pub(crate) struct Seen {
    status: StatusCode,
    headers: HeaderMap,
    pub(crate) text: String,
}

impl Seen {
    fn location(&self) -> &str {
        self.headers.get(LOCATION).map_or("", |it| it.to_str().unwrap())
    }

    /// The value of a hidden field, the first of its name.
    fn field(&self, name: &str) -> String {
        let begin = format!("name=\"{name}\" value=\"");
        let (_, rest) =
            self.text.split_once(&begin).unwrap_or_else(|| panic!("{name}: {}", self.text));
        rest.split('"').next().unwrap().to_owned()
    }
}

impl<'a> Browser<'a> {
    fn new(world: &'a World) -> Self {
        Self { world, cookie: String::new() }
    }

    pub(crate) async fn sign_in(world: &'a World, key: &str) -> Self {
        let mut browser = Self::new(world);
        let seen = browser.post("/console/sign-in", &[("key", key)]).await;
        assert_eq!((seen.status, seen.location()), (StatusCode::SEE_OTHER, "/console"));
        let cookie = seen.headers.get(SET_COOKIE).unwrap().to_str().unwrap();
        for guard in ["HttpOnly", "SameSite=Strict", "Path=/"] {
            assert!(cookie.contains(guard), "{cookie}");
        }
        browser.cookie = cookie.split(';').next().unwrap().to_owned();
        browser
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.world.running.as_ref().unwrap().api)
    }

    pub(crate) async fn get(&self, path: &str) -> Seen {
        let request = self.world.http.get(self.url(path)).header(COOKIE, &self.cookie);
        seen(request.header("accept", "text/html")).await
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Seen {
        self.post_from(&self.url(""), path, form).await
    }

    async fn post_from(&self, origin: &str, path: &str, form: &[(&str, &str)]) -> Seen {
        let request = self.world.http.post(self.url(path)).header(COOKIE, &self.cookie);
        seen(request.header(ORIGIN, origin).form(form)).await
    }

    /// Asks, answers with yes, and says what came of it.
    async fn act(&self, page: &Seen, act: &str, on: &str, reason: &str) -> Seen {
        let (csrf, seen) = (page.field("csrf"), page.field("seen"));
        let form = [("act", act), ("on", on), ("seen", &seen), ("csrf", &csrf), ("reason", reason)];
        self.post("/console/act", &form).await
    }
}

async fn seen(request: reqwest::RequestBuilder) -> Seen {
    let answer = request.send().await.unwrap();
    let (status, headers) = (answer.status(), answer.headers().clone());
    Seen { status, headers, text: answer.text().await.unwrap() }
}

async fn world() -> World {
    World::start_with_sections(&[], "", OPERATORS).await
}

#[tokio::test]
async fn nobody_sees_a_page_without_a_key_and_a_wrong_one_opens_none() {
    let world = world().await;
    let stranger = Browser::new(&world);
    for path in [
        "/console",
        "/console/workspaces",
        "/console/workspaces/ada",
        "/console/pool",
        "/console/tasks",
        "/console/edges",
        "/console/letters",
        "/console/tickets",
        "/console/pflaster",
        "/console/money",
        "/console/journal",
        "/console/events",
        "/console/act?act=end&on=ada",
        "/console/nothing",
        "/console/tasks/x/nothing",
    ] {
        let seen = stranger.get(path).await;
        assert_eq!(
            (seen.status, seen.location()),
            (StatusCode::SEE_OTHER, "/console/sign-in"),
            "{path}"
        );
    }
    for key in ["", "wrong", &GRACE[1..]] {
        let seen = stranger.post("/console/sign-in", &[("key", key)]).await;
        assert_eq!(seen.status, StatusCode::UNAUTHORIZED, "{key}");
        assert!(!seen.headers.contains_key(SET_COOKIE));
    }
    let seen = stranger.post_from("http://evil.test", "/console/sign-in", &[("key", GRACE)]).await;
    assert_eq!(seen.status, StatusCode::FORBIDDEN);
    let style = stranger.get("/assets/console.css").await;
    assert_eq!(style.status, StatusCode::OK);
}

#[tokio::test]
async fn a_session_lasts_a_day_at_most_and_ends_when_it_is_signed_out() {
    let world = world().await;
    let grace = Browser::sign_in(&world, GRACE).await;
    let nothing = grace.get("/console/nothing").await;
    assert_eq!(nothing.status, StatusCode::NOT_FOUND);
    assert!(nothing.text.contains("There is nothing at this address."), "{}", nothing.text);
    let page = grace.get("/console").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("grace, who may act"), "{}", page.text);
    assert!(!page.text.contains(GRACE), "{}", page.text);
    let policy = page.headers.get("content-security-policy").unwrap().to_str().unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let refused = grace.post("/console/sign-out", &[("csrf", "wrong")]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let out = grace.post("/console/sign-out", &[("csrf", &page.field("csrf"))]).await;
    assert_eq!(out.location(), "/console/sign-in");
    assert_eq!(grace.get("/console").await.location(), "/console/sign-in");
    let admin = Browser::sign_in(&world, ADMIN_KEY).await;
    world.turn_clock(Duration::from_secs(13 * 3_600));
    assert_eq!(admin.get("/console").await.location(), "/console/sign-in");
}

#[tokio::test]
async fn the_first_screen_says_what_to_do_and_every_page_shows_what_there_is() {
    let world = world().await;
    world.database.run(customer::rows("ada", "live")).await;
    world.put_route("ada").await;
    let dead = "INSERT INTO tasks (id, kind, dedupe_key, username, payload, state, attempts,
             max_attempts, run_at, due_at, lease_token, last_error, created_at, changed_at, finished_at)
         VALUES ('PROV-20270115-00000001', 'PROV', 'x', 'ada', '{}', 'dead', 20, 20, 1, 1, 1,
             '<b>no machine</b>', 1799992800000, 1, 1)";
    world.database.run(dead.to_owned()).await;
    let linus = Browser::sign_in(&world, LINUS).await;
    let shows = async |path: &str, expected: &[&str]| {
        let page = linus.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.text);
        for expected in expected {
            assert!(page.text.contains(expected), "{path}: {expected:?} is not in\n{}", page.text);
        }
        assert!(!page.text.contains("<b>no machine"), "{path} takes what a vendor says for HTML");
    };
    shows("/console", &["Not well: ", "given up: 1 PROV", "/console/tasks?state=dead"]).await;
    shows("/console/workspaces?search=ada", &["/console/workspaces/ada", "live"]).await;
    shows("/console/workspaces?search=nobody", &["No workspace is like that."]).await;
    shows(
        "/console/workspaces/ada",
        &["live to https://ada-1.sprites.test", "PROV-20270115-00000001", "20 of 20", "End it"],
    )
    .await;
    shows("/console/tasks?state=dead", &["PROV-20270115-00000001", "2h"]).await;
    shows(
        "/console/tasks/PROV-20270115-00000001",
        &["Try it now", "Call it off", "/console/workspaces/ada"],
    )
    .await;
    shows("/console/money", &["$7 a month"]).await;
    shows("/console/pool", &["No provider of sprites is configured"]).await;
    for path in [
        "/console/edges",
        "/console/letters",
        "/console/tickets",
        "/console/pflaster",
        "/console/journal",
    ] {
        shows(path, &["<h1>"]).await;
    }
    assert_eq!(linus.get("/console/workspaces/nobody").await.status, StatusCode::NOT_FOUND);
    assert_eq!(linus.get("/console/tasks/nothing").await.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn who_may_only_look_changes_nothing_on_the_page_and_by_the_api() {
    let world = world().await;
    world.add_customer("ada").await;
    let linus = Browser::sign_in(&world, LINUS).await;
    let page = linus.get("/console/workspaces/ada").await;
    let refused = linus.act(&page, "suspend", "ada", "").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.text.contains("Nothing was changed"), "{}", refused.text);
    let url = format!("http://{}/api/customers/ada", world.running.as_ref().unwrap().api);
    let shown = world.http.get(&url).bearer_auth(LINUS).send().await.unwrap();
    assert_eq!(shown.status(), StatusCode::OK);
    let answer = world.http.post(format!("{url}/suspend")).bearer_auth(LINUS).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    let (_, customer) = world.api(Method::GET, "/api/customers/ada", None).await;
    assert_eq!(customer["suspended"], json!(false));
}

#[tokio::test]
async fn what_hurts_is_asked_about_done_once_and_in_the_journal() {
    let world = world().await;
    world.add_customer("ada").await;
    world.put_route("ada").await;
    let grace = Browser::sign_in(&world, GRACE).await;
    let page = grace.get("/console/workspaces/ada").await;
    let path = format!("/console/act?act=suspend&on=ada&seen={}", page.field("seen"));
    let question = grace.get(&path).await;
    assert!(question.text.contains("This closes the workspace ada now"), "{}", question.text);
    let is_closed = async || {
        let (_, customer) = world.api(Method::GET, "/api/customers/ada", None).await;
        customer["suspended"].as_bool().unwrap()
    };
    assert!(!is_closed().await);
    let form =
        [("act", "suspend"), ("on", "ada"), ("seen", &question.field("seen")), ("csrf", "wrong")];
    assert_eq!(grace.post("/console/act", &form).await.status, StatusCode::FORBIDDEN);
    let foreign = grace.post_from("http://evil.test", "/console/act", &form).await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    assert!(!is_closed().await);
    let done = grace.act(&question, "suspend", "ada", "").await;
    assert_eq!(done.location(), "/console/workspaces/ada?done=suspend", "{}", done.text);
    assert!(is_closed().await);
    let after = grace.get(done.location()).await;
    assert!(after.text.contains("It is closed."), "{}", after.text);
    // A reason is asked for before anything is done.
    let asked = grace.act(&after, "replace-machine", "ada", " ").await;
    assert_eq!(asked.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(asked.text.contains("Please say why"), "{}", asked.text);
    let long = "because ".repeat(100);
    let asked = grace.act(&after, "replace-machine", "ada", &long).await;
    assert_eq!(asked.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(asked.text.contains("500 characters"), "{}", asked.text);
    assert!(asked.text.contains(long.trim()), "it is kept in its field: {}", asked.text);
    let journal = grace.get("/console/journal").await;
    for expected in ["grace", "suspend", "workspace ada", "It is closed.", "POST /api/customers"] {
        assert!(journal.text.contains(expected), "{expected}: {}", journal.text);
    }
    assert!(!journal.text.contains("replace-machine"), "nothing came of it: {}", journal.text);
}

#[tokio::test]
async fn access_is_taken_away_on_the_page_while_the_database_takes_no_writes() {
    let edge = TestEdge::start("one").await;
    let world = World::start_with_sections(&[&edge], "", OPERATORS).await;
    world.add_customer("ada").await;
    world.put_route("ada").await;
    let grace = Browser::sign_in(&world, GRACE).await;
    let page = grace.get("/console/workspaces/ada").await;
    let held = world.database.hold("UPDATE route_table SET generation = generation").await;
    let done = grace.act(&page, "suspend", "ada", "").await;
    assert!(done.text.contains("Done, and not written yet"), "{}", done.text);
    assert_eq!(edge.table().routes[&"ada".parse().unwrap()].state, RouteState::Suspended);
    let after = grace.get("/console/workspaces/ada").await;
    let refused = grace.act(&after, "resume", "ada", "").await;
    assert!(refused.status.is_server_error(), "{}", refused.status);
    held.close().await.unwrap();
    wait_until("it is written", json!(true), async || {
        world.api(Method::GET, "/api/customers/ada", None).await.1["suspended"].clone()
    })
    .await;
}

#[tokio::test]
async fn the_second_of_two_operators_is_told_what_the_first_did() {
    let world = world().await;
    world.add_customer("ada").await;
    let grace = Browser::sign_in(&world, GRACE).await;
    let admin = Browser::sign_in(&world, ADMIN_KEY).await;
    let seen_by_grace = grace.get("/console/workspaces/ada").await;
    let seen_by_admin = admin.get("/console/workspaces/ada").await;
    world.turn_clock(Duration::from_secs(5));
    let done = grace.act(&seen_by_grace, "suspend", "ada", "").await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    world.turn_clock(Duration::from_secs(12));
    let told = admin.act(&seen_by_admin, "sign-out", "ada", "").await;
    assert_eq!(told.status, StatusCode::CONFLICT);
    assert!(told.text.contains("grace did this 12s ago: suspend. It is closed."), "{}", told.text);
    // Who has looked again decides.
    let seen_again = admin.get("/console/workspaces/ada").await;
    let done = admin.act(&seen_again, "resume", "ada", "").await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    // What the API did counts as well.
    let stale = grace.get("/console/workspaces/ada").await;
    world.turn_clock(Duration::from_secs(1));
    world.api(Method::POST, "/api/customers/ada/suspend", None).await;
    let told = grace.act(&stale, "sign-out", "ada", "").await;
    assert!(told.text.contains("admin did this"), "{}", told.text);
}

#[tokio::test]
async fn an_open_page_hears_of_changes() {
    let world = world().await;
    let grace = Browser::sign_in(&world, GRACE).await;
    let request = world.http.get(grace.url("/console/events")).header(COOKIE, &grace.cookie);
    let mut events = request.send().await.unwrap();
    assert_eq!(events.headers()["content-type"], "text/event-stream");
    world.database.run(customer::rows("ada", "preparing")).await;
    let (status, _) = world.api(Method::POST, "/api/workspaces/ada/provision", None).await;
    assert_eq!(status, StatusCode::OK);
    let heard = events.chunk().await.unwrap().unwrap();
    assert!(heard.starts_with(b"event: changed"), "{heard:?}");
}

#[tokio::test]
async fn a_key_that_is_short_or_named_twice_is_refused_at_the_start() {
    let world = world().await;
    let listed = async || world.cli_ended("status").await.0.is_some();
    wait_until("the command line answers", true, listed).await;
    let config = "base_domain = 'a.test'\nsite_url = 'http://a.test'\nsite_listen = '127.0.0.1:0'\n\
         api_listen = '127.0.0.1:0'\ndatabase_url = 'sqlite:///x'\nkeys_file = '/nowhere'\n\
         admin_key = 'an-admin-key-for-tests'\n[[operators]]\nname = 'admin'\nrole = 'root'\n\
         key = 'short-but-sixteen'\n";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control.toml");
    std::fs::write(&path, config).unwrap();
    let (code, _, complaints) =
        world.cli_ended(&format!("status --config {}", path.display())).await;
    assert_eq!(code, Some(64));
    for expected in ["and not admin", "is \"read\" or \"act\"", "at least 32 characters"] {
        assert!(complaints.contains(expected), "{expected}: {complaints}");
    }
    assert!(!complaints.contains("short-but"), "{complaints}");
}

#[tokio::test]
async fn an_address_is_set_by_who_may_act_after_a_question() {
    let world = world().await;
    world.database.run(customer::rows("ada", "live")).await;
    let place = "/console/workspaces/ada";
    let question = "/console/act?act=set-email&on=ada&seen=0";
    let linus = Browser::sign_in(&world, LINUS).await;
    assert_eq!(linus.get(question).await.status, StatusCode::FORBIDDEN);
    let grace = Browser::sign_in(&world, GRACE).await;
    let page = grace.get(place).await;
    assert!(page.text.contains("data-testid=\"act-set-email\""), "{}", page.text);
    let asked = grace.get(question).await;
    assert!(asked.text.contains("be sure whose it is"), "{}", asked.text);
    assert!(asked.text.contains("name=\"email\""), "{}", asked.text);
    let (csrf, seen) = (asked.field("csrf"), asked.field("seen"));
    let set = async |browser: &Browser<'_>, email: &str, csrf: &str| {
        let form = [
            ("act", "set-email"),
            ("on", "ada"),
            ("seen", &*seen),
            ("csrf", csrf),
            ("email", email),
        ];
        browser.post("/console/act", &form).await
    };
    let email = async || {
        let (_, customer) = world.api(Method::GET, "/api/customers/ada", None).await;
        customer["email"].as_str().unwrap().to_owned()
    };
    let former = email().await;
    for wrong in ["", "ada", "a b@mail.test"] {
        let seen = set(&grace, wrong, &csrf).await;
        assert_eq!(seen.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}: {}", seen.text);
        assert!(seen.text.contains("id=\"problem\""), "{wrong}: {}", seen.text);
    }
    assert_eq!(set(&grace, "ada@new.test", "wrong").await.status, StatusCode::FORBIDDEN);
    let its_own = linus.get("/console").await.field("csrf");
    assert_eq!(set(&linus, "ada@new.test", &its_own).await.status, StatusCode::FORBIDDEN);
    assert_eq!(email().await, former);
    let done = set(&grace, " ada@new.test ", &csrf).await;
    assert_eq!(done.location(), format!("{place}?done=set-email"), "{}", done.text);
    assert_eq!(email().await, "ada@new.test");
    let journal = grace.get("/console/journal").await;
    assert!(journal.text.contains("set-email"), "{}", journal.text);
    assert!(!journal.text.contains("ada@new.test"), "{}", journal.text);
    let (_, letters) = world.api(Method::GET, "/api/mails", None).await;
    assert_eq!(letters["items"][0]["kind"], "email_changed", "{letters}");
}
