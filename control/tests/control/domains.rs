//! Customers' own domains: added on the account page, proven by DNS, signed in at, taken away.
//! What a certificate authority does with an order is in the stories (`make test-acme`).

mod crashes;

use std::time::Duration;

use control::base::seal;
use control::model::certificate::IssuedCertificate;
use control::routes::sealed_as;
use reqwest::{Method, StatusCode};
use shared::session::SESSION_COOKIE;
use shared::wire::DomainGrant;
use shared::{Domain, Secret, SessionKeys, Username};

use crate::common::browser::{ADA, Browser};
use crate::common::dns::TestDns;
use crate::common::edge::TestEdge;
use crate::common::{PASSWORD, SITE, World, wait_until};

const DAY: Duration = Duration::from_secs(86_400);

const CHAT: &str = "http://chat.example.org:8080";

async fn world(edges: &[&TestEdge], dns: &TestDns) -> World {
    // Nobody listens at the authority's address.
    let sections = format!(
        "[certificates]\ndirectory = 'https://127.0.0.1:1/dir'\ncontact = 'ops@arca.test'\n\
         challenge = 'hook'\nhook = '/bin/true'\n[domains]\nresolver = '{}'\n",
        dns.address
    );
    let world = World::start_with_sections(edges, "", &sections).await;
    world.add_customer("ada").await;
    world
}

fn chat() -> Domain {
    "chat.example.org".parse().unwrap()
}

async fn add(browser: &mut Browser<'_>, domain: &str) -> (StatusCode, String) {
    let page = browser.submit(&format!("{SITE}/account/domain"), &[("domain", domain)]).await;
    (page.status, page.body)
}

/// The state of the only domain on the account page, and all of the page.
async fn shown(browser: &mut Browser<'_>) -> (String, String) {
    let page = browser.open(&format!("{SITE}/account")).await;
    let state = page.body.split("data-state=\"").nth(1).and_then(|rest| rest.split('"').next());
    (state.unwrap_or_default().to_owned(), page.body.clone())
}

async fn wait_for(browser: &Browser<'_>, state: &str) {
    let looks = async || shown(&mut browser.clone()).await.0;
    wait_until("the domain stands so", state.to_owned(), looks).await;
}

/// As an order that came to its end leaves it; good for ninety days.
async fn issue(world: &World, username: &str, domain: &Domain) {
    let (store, now) = (&world.app().store, world.now());
    let username: Username = username.parse().unwrap();
    let own = store.domains_of(&username).await.unwrap();
    let own = own.iter().find(|own| own.domain == *domain).unwrap();
    let key = Secret::new(format!("the key of {domain}"));
    let issued = IssuedCertificate {
        names: vec![domain.to_string()],
        chain: format!("the chain of {domain}"),
        sealed_key: seal::seal(&world.keys, &sealed_as(domain), &key),
        starts: now,
        expires: now.after(90 * DAY),
    };
    let fingerprint = DomainGrant::fingerprint_of(&username, &issued.chain);
    store.note_domain_certificate(own, &issued, &fingerprint).await.unwrap();
}

fn served(edge: &TestEdge) -> Vec<String> {
    let table = edge.table();
    let all = table.domains.iter();
    all.map(|(domain, grant)| format!("{domain} {} {}", grant.username, grant.certificate.key))
        .collect()
}

const SERVED: &str = "chat.example.org ada the key of chat.example.org";

#[tokio::test]
async fn a_domain_waits_for_its_record_and_its_certificate_and_is_served_until_it_is_removed() {
    let (dns, edge) = (TestDns::start().await, TestEdge::start("one").await);
    let world = world(&[&edge], &dns).await;
    let mut browser = Browser::new(&world);
    browser.sign_in().await;
    assert_eq!(shown(&mut browser).await.0, "");
    for _ in 0..2 {
        assert_eq!(add(&mut browser, " Chat.Example.org. ").await.0, StatusCode::SEE_OTHER);
    }
    wait_for(&browser, "waiting_for_dns").await;
    let seen = async || shown(&mut browser.clone()).await.1.contains("no such name");
    wait_until("what was seen is said", true, seen).await;
    let (_, page) = shown(&mut browser).await;
    assert!(page.contains("chat.example.org. CNAME ada.arca.test."), "{page}");

    dns.set("chat.example.org", "eve.arca.test");
    world.turn_clock(Duration::from_secs(60));
    let seen = async || shown(&mut browser.clone()).await.1.contains("CNAME eve.arca.test");
    wait_until("what was seen is said", true, seen).await;
    assert_eq!(browser.open(&format!("{CHAT}/auth/login")).await.status, 421);

    dns.set("chat.example.org", "ada.arca.test");
    world.turn_clock(Duration::from_secs(60));
    wait_for(&browser, "failed").await;
    assert_eq!(served(&edge), [""; 0]);
    issue(&world, "ada", &chat()).await;
    wait_for(&browser, "live").await;
    wait_until("the edge serves it", vec![SERVED.to_owned()], async || served(&edge)).await;
    let said = world.cli("customers show ada").await;
    assert!(said.contains("chat.example.org live"), "{said}");
    edge.table().domains.clear();
    wait_until("the edge serves it again", vec![SERVED.to_owned()], async || served(&edge)).await;

    let fields = [("domain", "chat.example.org")];
    for _ in 0..2 {
        let removed = browser.submit(&format!("{SITE}/account/domain/remove"), &fields).await;
        assert_eq!(removed.status, StatusCode::SEE_OTHER);
        assert_eq!(served(&edge), [""; 0], "before it is answered");
    }
    assert_eq!(shown(&mut browser).await.0, "");
    assert_eq!(browser.open(&format!("{CHAT}/auth/login")).await.status, 421);
}

/// Live, and signed in to at the site.
async fn live(world: &World, dns: &TestDns) {
    dns.set("chat.example.org", "ada.arca.test");
    let mut browser = Browser::new(world);
    browser.sign_in().await;
    assert_eq!(add(&mut browser, "chat.example.org").await.0, StatusCode::SEE_OTHER);
    wait_for(&browser, "failed").await;
    issue(world, "ada", &chat()).await;
}

#[tokio::test]
async fn signing_in_at_a_domain_opens_a_session_of_that_host_and_no_other() {
    let dns = TestDns::start().await;
    let world = world(&[], &dns).await;
    live(&world, &dns).await;
    let mut browser = Browser::new(&world);
    let door = browser.open(&format!("{CHAT}/auth/login?return=/chat")).await;
    assert_eq!(door.status, StatusCode::SEE_OTHER, "{door:?}");
    let form = browser.open(&door.location).await;
    assert!(form.body.contains("<strong>chat.example.org</strong>"), "{}", form.body);
    let policy = form.headers["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains(CHAT), "{policy}");
    let url = url::Url::parse(&door.location).unwrap();
    let query: Vec<_> = url.query_pairs().into_owned().collect();
    let mut fields = vec![("username", "ada"), ("password", PASSWORD)];
    fields.extend(query.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let callback = browser.submit(&format!("{SITE}/login"), &fields).await.location;
    assert!(callback.starts_with(&format!("{CHAT}/auth/callback?code=")), "{callback}");

    // A code of this host is none at the workspace's own, whoever has the nonce.
    let nonce = browser.cookie(CHAT, "__Host-arca_nonce").unwrap().to_owned();
    let mut thief = browser.clone();
    thief.set_cookie(ADA, "__Host-arca_nonce", &nonce);
    let missed = thief.open(&callback.replace(CHAT, ADA)).await;
    assert!(missed.location.contains("again=1"), "{missed:?}");
    assert_eq!(thief.cookie(ADA, SESSION_COOKIE), None);

    let page = browser.open(&callback).await;
    assert_eq!((page.status, &*page.location), (StatusCode::SEE_OTHER, "/chat"), "{page:?}");
    let token = browser.cookie(CHAT, SESSION_COOKIE).unwrap().to_owned();
    let (keys, ada, now) =
        (SessionKeys::new(&world.keys), "ada".parse().unwrap(), world.now_seconds());
    assert!(keys.verify_at(Some(&chat()), &token, &ada, now).is_ok());
    assert!(keys.verify(&token, &ada, now).is_err());

    let foreign = [("origin", ADA)];
    let logout = format!("{CHAT}/auth/logout");
    let refused = browser.send(Method::POST, &logout, Some(&[]), &foreign).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let out = browser.submit(&logout, &[]).await;
    assert_eq!(out.status, StatusCode::SEE_OTHER, "{out:?}");
    let (_, locks) = world.api(Method::GET, "/api/locks", None).await;
    assert!(locks.to_string().contains("\"session\""), "{locks}");
}

#[tokio::test]
async fn a_code_goes_to_no_domain_but_one_that_is_served_for_the_workspace() {
    let dns = TestDns::start().await;
    let world = world(&[], &dns).await;
    let mut browser = Browser::new(&world);
    browser.sign_in().await;
    let challenge = "0a".repeat(32);
    let asked = |domain: &str| {
        format!("{SITE}/login?workspace=ada&challenge={challenge}&at={domain}&return=/x")
    };
    let own = format!("{ADA}/auth/login?return=%2Fx");
    assert_eq!(browser.open(&asked("chat.example.org")).await.location, own);
    live(&world, &dns).await;
    let code = browser.open(&asked("chat.example.org")).await.location;
    assert!(code.starts_with(&format!("{CHAT}/auth/callback?code=")), "{code}");
    assert_eq!(browser.open(&asked("evil.example.org")).await.location, own);
    assert_eq!(browser.open(&asked("no_domain")).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn what_cannot_be_anybodys_own_is_refused_with_the_reason_in_either_language() {
    let dns = TestDns::start().await;
    let world = world(&[], &dns).await;
    world.add_customer("grace").await;
    let mut ada = Browser::new(&world);
    ada.sign_in().await;
    for (domain, why) in [
        ("*.example.org", "Please add the one that you mean"),
        ("192.0.2.1", "This is an address"),
        ("b\u{fffd}cher.example", "begins with xn--"),
        ("localhost", "Please type a whole domain"),
        ("chat.localhost", "No public domain"),
        ("co.uk", "Domains of many owners"),
        ("https://chat.example.org/", "without https://"),
        ("grace.arca.test", "This is one of our own names"),
        ("arca.test", "This is one of our own names"),
        (&"a".repeat(300), "Please type a whole domain"),
    ] {
        let (status, page) = add(&mut ada, domain).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{domain}: {page}");
        assert!(page.contains(why), "{domain}: {page}");
        let typed = format!("name=\"domain\" value=\"{domain}\"");
        assert!(page.contains(&typed), "it is typed once: {page}");
    }
    ada.language = Some("de");
    assert!(add(&mut ada, "co.uk").await.1.contains("So enden die Domains vieler"));
    assert_eq!(add(&mut ada, "chat.example.org").await.0, StatusCode::SEE_OTHER);
    assert!(add(&mut ada, "mail.example.org").await.1.contains("darf 1 haben"));
    let mut tries = 0;
    while !add(&mut ada, "mail.example.org").await.1.contains("in einer Stunde wieder") {
        tries += 1;
        assert!(tries < 20, "nobody keeps the others from adding theirs");
    }
    world.turn_clock(Duration::from_secs(60 * 60));

    // Nobody has proven it, so that nobody keeps its owner away.
    let mut grace = Browser::new(&world);
    grace.log_in("grace", PASSWORD).await;
    dns.set("chat.example.org", "grace.arca.test");
    assert_eq!(add(&mut grace, "chat.example.org").await.0, StatusCode::SEE_OTHER);
    wait_for(&grace, "failed").await;
    is_told_of_the_loss(&mut ada).await;
    let (_, page) = shown(&mut grace).await;
    assert!(!page.contains("data-testid=\"domain-lost\""), "{page}");
    let (status, page) = add(&mut ada, "chat.example.org").await;
    assert!(status == StatusCode::UNPROCESSABLE_ENTITY && page.contains("anderen Arbeitsplatz"));
}

/// That, and never whose the domain is now; once it is read, no more.
async fn is_told_of_the_loss(ada: &mut Browser<'_>) {
    for (language, said) in [
        ("de", "chat.example.org wurde einem anderen Arbeitsplatz hinzugefügt ("),
        ("en", "chat.example.org was added to another workspace ("),
    ] {
        ada.language = Some(language);
        let (state, page) = shown(ada).await;
        assert!(page.contains(said) && !page.contains("grace"), "{page}");
        assert_eq!(state, "", "it is none of theirs");
    }
    let read = [("domain", "chat.example.org")];
    ada.submit(&format!("{SITE}/account/domain/remove"), &read).await;
    assert!(!shown(ada).await.1.contains("data-testid=\"domain-lost\""));
    ada.language = Some("de");
}

#[tokio::test]
async fn a_domain_is_taken_from_every_keyboard() {
    let dns = TestDns::start().await;
    let world = world(&[], &dns).await;
    let mut browser = Browser::new(&world);
    browser.sign_in().await;
    for (typed, domain) in [
        ("\u{200b}Chat.Example.org\u{feff}", "chat.example.org"),
        ("ｃｈａｔ。example。org", "chat.example.org"),
        ("B\u{fc}cher.example.", "xn--bcher-kva.example"),
        ("bu\u{308}cher.example", "xn--bcher-kva.example"),
    ] {
        assert_eq!(add(&mut browser, typed).await.0, StatusCode::SEE_OTHER, "{typed}");
        let (_, page) = shown(&mut browser).await;
        assert!(page.contains(&format!("<strong>{domain}</strong>")), "{typed}: {page}");
        let fields = [("domain", domain)];
        browser.submit(&format!("{SITE}/account/domain/remove"), &fields).await;
    }
}

#[tokio::test]
async fn a_domain_that_leads_elsewhere_or_whose_workspace_has_ended_is_served_no_more() {
    let (dns, edge) = (TestDns::start().await, TestEdge::start("one").await);
    let world = world(&[&edge], &dns).await;
    live(&world, &dns).await;
    wait_until("the edge serves it", vec![SERVED.to_owned()], async || served(&edge)).await;
    dns.remove("chat.example.org");
    world.turn_clock(Duration::from_secs(6 * 60));
    let missed = async || {
        let own = world.app().store.domains_of(&"ada".parse().unwrap()).await.unwrap();
        (own[0].record.missed, own[0].record.proven.is_some())
    };
    wait_until("it was missed once", (1, true), missed).await;
    assert_eq!(served(&edge), [SERVED]);
    world.turn_clock(Duration::from_secs(6 * 60));
    wait_until("it was missed twice", (2, false), missed).await;
    wait_until("the edge serves none", vec![], async || served(&edge)).await;

    dns.set("chat.example.org", "ada.arca.test");
    world.turn_clock(Duration::from_secs(60 * 60));
    wait_until("the edge serves it again", vec![SERVED.to_owned()], async || served(&edge)).await;
    let (status, _) = world.api(Method::POST, "/api/customers/ada/erase", None).await;
    assert_eq!(status, StatusCode::OK);
    wait_until("the edge serves none", vec![], async || served(&edge)).await;
    assert!(world.app().store.pair_of_domain(&chat()).await.unwrap().is_none(), "it is forgotten");
}

#[tokio::test]
async fn an_operator_sees_every_domain_how_it_stands_and_what_comes_next() {
    let dns = TestDns::start().await;
    let world = world(&[], &dns).await;
    world.add_customer("grace").await;
    let operator = crate::console::Browser::sign_in(&world, crate::common::ADMIN_KEY).await;
    let page = operator.get("/console/domains").await.text;
    assert!(page.contains("No customer has one."), "{page}");
    live(&world, &dns).await;
    let mut grace = Browser::new(&world);
    grace.log_in("grace", PASSWORD).await;
    assert_eq!(add(&mut grace, "mail.example.org").await.0, StatusCode::SEE_OTHER);
    let is_looked_at = async || shown(&mut grace.clone()).await.1.contains("no such name");
    wait_until("what was seen is said", true, is_looked_at).await;
    let page = operator.get("/console/domains").await.text;
    let row = |domain: &str| {
        let rows = page.split("<tr>").find(|row| row.contains(&format!(">{domain}<")));
        rows.unwrap_or_else(|| panic!("{domain}: {page}")).to_owned()
    };
    let until = control::base::date::iso_time(world.now().after(90 * DAY))[..10].to_owned();
    for text in ["/console/workspaces/ada", ">live<", &until, "look in "] {
        assert!(row("chat.example.org").contains(text), "{text}: {page}");
    }
    for text in ["/console/workspaces/grace", ">waiting for dns<", "no such name", "look in "] {
        assert!(row("mail.example.org").contains(text), "{text}: {page}");
    }
    let second = operator.get("/console/domains?after=chat.example.org").await.text;
    assert!(!second.contains(">chat.example.org<") && second.contains(">mail.example.org<"));
    let workspace = operator.get("/console/workspaces/ada").await.text;
    assert!(workspace.contains("chat.example.org: live"), "{workspace}");
}

#[tokio::test]
async fn an_operator_takes_a_domain_away_and_the_journal_says_so() {
    let (dns, edge) = (TestDns::start().await, TestEdge::start("one").await);
    let world = world(&[&edge], &dns).await;
    live(&world, &dns).await;
    wait_until("the edge serves it", vec![SERVED.to_owned()], async || served(&edge)).await;
    let said = world.cli("customers remove-domain ada chat.example.org --yes").await;
    assert!(said.contains("chat.example.org is taken away from ada"), "{said}");
    assert_eq!(served(&edge), [""; 0]);
    let (code, _, complaint) =
        world.cli_ended("customers remove-domain ada chat.example.org --yes").await;
    assert!(code != Some(0) && complaint.contains("has no domain"), "{complaint}");
    let (_, journal) = world.api(Method::GET, "/api/journal", None).await;
    let journal = journal.to_string();
    assert!(journal.contains("adds the domain chat.example.org"), "{journal}");
    assert!(journal.contains("/api/customers/ada/domains/chat.example.org"), "{journal}");
}
