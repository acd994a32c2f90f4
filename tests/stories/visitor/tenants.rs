//! Two customers, each with everything the other one owns: nothing gets through.

use e2e::{Chat, Mirror, Opening, Page, Plan, SharedWorld, Visitor, WorldGuard};
use reqwest::Method;
use shared::identity::{IDENTITY_HEADER, Identity, IdentityKey, VALID_SECONDS};
use shared::process::time::unix_seconds;
use shared::session::SESSION_COOKIE;
use shared::{KeyId, KeyRing, RequestId, Session, SessionId, SessionKeys, SpriteId};

static WORLD: SharedWorld = SharedWorld::new();

const ADA: &str = "ada.arcamatrix.localhost";
const GRACE: &str = "grace.arcamatrix.localhost";

async fn world() -> WorldGuard {
    WORLD.enter(|| Plan::with_tenants(&["ada", "grace"])).await
}

#[tokio::test]
async fn no_borrowed_token_opens_a_workspace() {
    let world = world().await;
    let ours = SessionKeys::new(&world.ring);
    let foreign_ring = KeyRing::generate_toml(&KeyId::parse("k1").unwrap());
    let foreign = SessionKeys::new(&KeyRing::from_toml(&foreign_ring).unwrap());
    let ada = world.signed_in("ada").await.unwrap();
    let adas = ada.jar().value(ADA, SESSION_COOKIE).unwrap().to_owned();
    let account =
        ada.jar().value("arcamatrix.localhost", "__Host-arca_account").unwrap().to_owned();
    let graces = world.session_token("grace").await.unwrap();
    let expired = Session { expires: unix_seconds() - 1, ..world.session("grace").await.unwrap() };
    let mut last = graces.clone();
    let changed = if last.pop() == Some('0') { '1' } else { '0' };
    last.push(changed);
    let as_cookie = |token: &str| vec![("cookie", format!("{SESSION_COOKIE}={token}"))];
    let cases = [
        ("nothing", vec![]),
        ("ada's token", as_cookie(&adas)),
        ("ada's token with the other name in it", as_cookie(&adas.replace("ada", "grace"))),
        ("ada's account session", as_cookie(&account)),
        (
            "a token of another ring",
            as_cookie(&foreign.sign(&world.session("grace").await.unwrap())),
        ),
        ("a token of yesterday", as_cookie(&ours.sign(&expired))),
        ("a token with its last digit changed", as_cookie(&last)),
        ("a token cut short", as_cookie(&graces[..graces.len() - 1])),
        ("an empty token", as_cookie("")),
        ("the token under another name", vec![("cookie", format!("session={graces}"))]),
        ("the token as a bearer", vec![("authorization", format!("Bearer {graces}"))]),
        ("an identity of her own making", vec![(IDENTITY_HEADER, identity(&world, "grace", 0))]),
    ];
    let status = async |headers: &[(&str, String)]| {
        let mut request =
            world.visitor().bare(Method::GET, &world.workspace_host("grace"), "/config.json");
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(status(&as_cookie(&graces)).await, 200, "her own token");
    for (what, headers) in &cases {
        assert_eq!(status(headers).await, 401, "{what}");
        let origin = ("origin", world.workspace_url("grace"));
        let headers: Vec<(&str, &str)> =
            headers.iter().chain([&origin]).map(|(name, value)| (*name, value.as_str())).collect();
        let opening = Opening {
            address: world.edges[0].address(),
            host: &world.workspace_host("grace"),
            path: "/ws",
            headers: &headers,
        };
        let refusal = Chat::open(&opening).await.unwrap().err();
        assert_eq!(refusal.map(|refusal| refusal.status.as_u16()), Some(401), "{what}, WebSocket");
    }
}

/// What an edge would sign for `username`'s sprite, `age` seconds ago.
fn identity(world: &WorldGuard, username: &str, age: u64) -> String {
    sign(&world.ring, &world.sprite(username).name, 1, username, age)
}

fn sign(ring: &KeyRing, sprite: &str, assignment: u64, username: &str, age: u64) -> String {
    let identity = Identity {
        username: username.parse().unwrap(),
        session: SessionId::random(),
        request: RequestId::random(),
        issued: unix_seconds() - age,
    };
    IdentityKey::current(ring, &SpriteId::parse(sprite).unwrap(), assignment).sign(&identity)
}

#[tokio::test]
async fn a_sprites_own_port_answers_only_what_an_edge_signed_for_it() {
    let world = world().await;
    let sprite = world.sprite("grace");
    let (ada, grace) = (&world.sprite("ada").name, &sprite.name);
    let ring = &world.ring;
    let foreign = KeyRing::generate_toml(&KeyId::parse("k1").unwrap());
    let foreign = KeyRing::from_toml(&foreign).unwrap();
    let token = world.session_token("grace").await.unwrap();
    let cases = [
        ("nothing", "x-nothing", String::new()),
        ("her session token", "cookie", format!("{SESSION_COOKIE}={token}")),
        ("ada's identity", IDENTITY_HEADER, sign(ring, ada, 1, "ada", 0)),
        ("grace's name, ada's key", IDENTITY_HEADER, sign(ring, ada, 1, "grace", 0)),
        ("ada's name, grace's key", IDENTITY_HEADER, sign(ring, grace, 1, "ada", 0)),
        ("the next assignment", IDENTITY_HEADER, sign(ring, grace, 2, "grace", 0)),
        ("another ring", IDENTITY_HEADER, sign(&foreign, grace, 1, "grace", 0)),
        ("a minute ago", IDENTITY_HEADER, sign(ring, grace, 1, "grace", VALID_SECONDS + 5)),
        ("ada's health token", "authorization", bearer(&world, "ada")),
        ("her own health token", "authorization", bearer(&world, "grace")),
    ];
    let port = Visitor::new(sprite.address(), world.folder().join("pages.log"));
    let host = sprite.address().to_string();
    let get = async |path: &str, name: &str, value: &str| {
        port.bare(Method::GET, &host, path).header(name, value).send().await.unwrap()
    };
    let good = identity(&world, "grace", 0);
    assert_eq!(get("/config.json", IDENTITY_HEADER, &good).await.status(), 200);
    for (what, name, value) in &cases {
        for path in ["/config.json", "/", "/ws", "/openclaw/"] {
            let answer = get(path, name, value).await;
            assert_eq!(answer.status(), 401, "{what} on {path}");
        }
        let headers = [(*name, value.as_str()), ("origin", &world.workspace_url("grace"))];
        let opening =
            Opening { address: sprite.address(), host: &host, path: "/ws", headers: &headers };
        let refusal = Chat::open(&opening).await.unwrap().err();
        assert_eq!(refusal.map(|refusal| refusal.status.as_u16()), Some(401), "{what}, WebSocket");
    }
    let shown = async |token: &str| {
        let answer = get("/pflaster/health", "authorization", token).await;
        (answer.status().as_u16(), answer.text().await.unwrap().contains("gateway"))
    };
    assert_eq!(shown(&bearer(&world, "grace")).await, (200, true));
    assert!(!shown("").await.1, "health tells a stranger no detail");
    assert!(!shown(&bearer(&world, "ada")).await.1, "nor ada");
    assert_eq!(get("/metrics", "authorization", &bearer(&world, "ada")).await.status(), 401);
}

fn bearer(world: &WorldGuard, username: &str) -> String {
    format!("Bearer {}", world.sprite(username).health_token())
}

#[tokio::test]
async fn a_person_on_a_sprites_own_port_is_sent_to_the_workspace() {
    let world = world().await;
    let sprite = world.sprite("grace");
    let port = Visitor::new(sprite.address(), world.folder().join("pages.log"));
    let answer = port.step("http://sprite-grace.localhost/some/page").await.unwrap();
    assert!(answer.status.is_redirection(), "{answer:?}");
    assert!(answer.header("location").starts_with(&world.workspace_url("grace")), "{answer:?}");
}

/// The address that carries a fresh one-time code for ada, and the browser it is bound to.
async fn code(world: &WorldGuard) -> (Visitor, String) {
    let visitor = world.signed_in("ada").await.unwrap();
    let login = format!("{}/auth/login?return=/after", world.workspace_url("ada"));
    let to_site = visitor.step(&login).await.unwrap();
    let issued = visitor.step(to_site.header("location")).await.unwrap();
    let callback = issued.header("location").to_owned();
    assert!(callback.contains("/auth/callback?code="), "{issued:?}");
    let (_, code) = callback.split_once("code=").unwrap();
    let (code, _) = code.split_once('&').unwrap();
    world.watch("a sign-in code", code, &[]);
    world.watch_cookies(&visitor);
    (visitor, callback)
}

/// No session came of it: signing in begins anew, or goes on with the session there is.
fn assert_refused(page: &Page, what: &str) {
    assert_eq!(page.status, 303, "{what}: {page:?}");
    let cookies: Vec<_> = page.headers.get_all("set-cookie").iter().collect();
    let is_session = |cookie: &&&reqwest::header::HeaderValue| {
        cookie.to_str().is_ok_and(|text| {
            text.starts_with(SESSION_COOKIE) && !text.starts_with(&format!("{SESSION_COOKIE}=;"))
        })
    };
    assert!(!cookies.iter().any(|cookie| is_session(&cookie)), "{what}: {cookies:?}");
    let location = page.header("location");
    let begins_anew = location.contains("/auth/login?") && location.ends_with("&again=1");
    assert!(begins_anew || location.starts_with('/'), "{what}: {page:?}");
}

#[tokio::test]
async fn a_code_works_once() {
    let world = world().await;
    let (visitor, callback) = code(&world).await;
    let nonce = visitor.jar().value(ADA, "__Host-arca_nonce").unwrap().to_owned();
    let first = visitor.step(&callback).await.unwrap();
    assert_eq!((first.status.as_u16(), first.header("location")), (303, "/after"), "{first:?}");
    assert_refused(&visitor.step(&callback).await.unwrap(), "the second time");
    visitor.jar().plant(ADA, "__Host-arca_nonce", &nonce);
    assert_refused(&visitor.step(&callback).await.unwrap(), "the second time, with its nonce");
}

#[tokio::test]
async fn a_code_is_worth_nothing_in_other_hands_and_stays_good_in_its_own() {
    let world = world().await;
    let (visitor, callback) = code(&world).await;
    let thief = world.visitor();
    assert_refused(&thief.step(&callback).await.unwrap(), "without its nonce");
    thief.jar().plant(ADA, "__Host-arca_nonce", &"0".repeat(32));
    assert_refused(&thief.step(&callback).await.unwrap(), "with another nonce");
    let nonce = visitor.jar().value(ADA, "__Host-arca_nonce").unwrap().to_owned();
    thief.jar().plant(GRACE, "__Host-arca_nonce", &nonce);
    let elsewhere = callback.replace(ADA, GRACE);
    assert_refused(&thief.step(&elsewhere).await.unwrap(), "on another workspace's host");
    let (start, code) = callback.split_once("code=").unwrap();
    let (code, _) = code.split_once('&').unwrap();
    for (what, other) in [
        ("no code", String::new()),
        ("a guessed code", "0".repeat(code.len())),
        ("a code cut short", code[..code.len() - 1].to_owned()),
        ("an absurd code", "x".repeat(4_000)),
    ] {
        let page = visitor.step(&format!("{start}code={other}")).await.unwrap();
        assert_refused(&page, what);
        visitor.jar().plant(ADA, "__Host-arca_nonce", &nonce);
    }
    let own = visitor.step(&callback).await.unwrap();
    assert_eq!(own.status, 303, "its own browser can still use it: {own:?}");
}

#[tokio::test]
async fn an_account_opens_its_own_workspace_only() {
    let world = world().await;
    let ada = world.signed_in("ada").await.unwrap();
    let graces = world.workspace_url("grace");
    let page = ada.open(&graces).await.unwrap();
    assert_eq!(page.url.path(), "/login", "ada's account brings her to the form: {page:?}");
    let password = &world.customer("ada").password;
    // Her own name leads to her own workspace; the other one is not hers.
    for (username, expected) in [("ada", 200), ("grace", 401)] {
        let form = e2e::form::Form::first_of(&page.body)
            .unwrap()
            .with("username", username)
            .with("password", password);
        let answer = ada.submit(&page, &form).await.unwrap();
        assert_eq!(answer.status, expected, "as {username}: {answer:?}");
        let session = format!("{graces}/auth/session");
        let info = ada.fetch(&graces, Method::GET, &session, &[]).await.unwrap();
        assert_eq!(info.json().unwrap()["signed_in"], false, "as {username}");
    }
}

#[tokio::test]
async fn a_return_never_leaves_the_host() {
    let world = world().await;
    let ada = world.signed_in("ada").await.unwrap();
    let own = world.workspace_url("ada");
    let cases = [
        ("/chat?x=1", "/chat?x=1"),
        ("https://evil.test/", "/"),
        ("//evil.test/", "/"),
        ("/\\evil.test/", "/"),
        ("\\\\evil.test", "/"),
        ("/\t/evil.test", "/"),
        ("/\n/evil.test", "/"),
        ("javascript:alert(1)", "/"),
        ("http:evil.test", "/"),
        ("@evil.test", "/"),
        ("", "/"),
    ];
    for (value, expected) in cases {
        let query: String = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("return", value)
            .finish();
        let page = ada.open(&format!("{own}/auth/login?{query}")).await.unwrap();
        assert_eq!(page.url.as_str(), format!("{own}{expected}"), "return={value:?}");
    }
}

#[tokio::test]
async fn a_service_worker_offered_by_a_vm_is_not_delivered() {
    let world = world().await;
    let mirror = Mirror::start().await.unwrap();
    world.control.put_route("mallory", mirror.address(), "sprite-mallory").await.unwrap();
    let token = world.session_token("mallory").await.unwrap();
    for path in ["/sw.js", "/auth/sw.js", "/assets/worker.js", "/openclaw", "/OPENCLAW/sw.js"] {
        let answer = world
            .visitor()
            .bare(Method::GET, &world.workspace_host("mallory"), path)
            .header("cookie", format!("{SESSION_COOKIE}={token}"))
            .header("service-worker", "script")
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 403, "{path}");
    }
    assert_eq!(mirror.requests(), 0, "the VM was asked for a worker outside its own folder");
}
