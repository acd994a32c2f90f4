//! The site's pages: what they say, what they load, and to whom.

use crate::common::browser::{ADA, Browser, Page};
use crate::common::order::{Order, SIGN_UP};
use crate::common::{PASSWORD, SITE, World};
use reqwest::{Method, StatusCode};
use shared::ReturnPath;

/// Everything that a browser would load of a page.
fn loaded(page: &Page) -> Vec<String> {
    let mut addresses = Vec::new();
    for mark in ["src=\"", "stylesheet\" href=\"", "icon\" href=\""] {
        for rest in page.body.split(mark).skip(1) {
            addresses.push(rest.split('"').next().unwrap().to_owned());
        }
    }
    addresses
}

fn assert_keeps_the_policy(page: &Page, what: &str) {
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    for rule in ["default-src 'none'", "script-src http://arca.test:8080;", "base-uri 'none'"] {
        assert!(policy.contains(rule), "{what}: {policy}");
    }
    assert!(!policy.contains("unsafe"), "{what}: {policy}");
    for inline in ["<style", " style=", "<script>", " onclick=", "javascript:"] {
        assert!(!page.body.contains(inline), "{what} has {inline}");
    }
    for address in loaded(page) {
        assert!(address.starts_with(&format!("{SITE}/assets/")), "{what} loads {address}");
    }
}

#[tokio::test]
async fn what_tells_nobody_s_secrets_is_compressed_and_nothing_else() {
    let world = World::start(&[]).await;
    let mut browser = Browser::new(&world);
    let start = browser.open(&format!("{SITE}/")).await.body;
    let style = start.split("href=\"").map(|rest| rest.split('"').next().unwrap());
    let style = style.into_iter().find(|url| url.contains("site.css")).unwrap().to_owned();
    let taken = [("accept-encoding", "gzip, br"), ("accept", "text/html")];
    for (url, expected) in [
        (format!("{SITE}/"), Some("br")),
        (style, Some("br")),
        (format!("{SITE}/login"), None),
        (format!("{SITE}/forgot-password"), None),
    ] {
        let response = browser.request(Method::GET, &url, &taken).send().await.unwrap();
        let coding = response.headers().get("content-encoding").cloned();
        assert_eq!(coding.as_ref().map(|it| it.to_str().unwrap()), expected, "{url}");
        if expected.is_some() {
            assert_eq!(response.headers()["vary"], "accept-encoding", "{url}");
        }
    }
}

#[tokio::test]
async fn pages_load_only_what_the_policy_allows_and_all_of_it_is_there() {
    let world = World::start(&[]).await;
    let order = Order::begin(&world).await;
    let mut browser = order.browser();
    let paths = [
        "/",
        "/login",
        "/forgot-password",
        "/legal",
        "/privacy",
        "/contact",
        "/nowhere",
        "/cancelled?signup=su_0123456789abcdef0123456789abcdef",
        "/welcome?session_id=cs_test_a1",
        "/set-password?token=x",
    ];
    for path in paths {
        let page = browser.open(&format!("{SITE}{path}")).await;
        assert_keeps_the_policy(&page, path);
        for address in loaded(&page) {
            let asset = browser.open(&address).await;
            assert_eq!(asset.status, StatusCode::OK, "{address}");
            let kept = asset.headers["cache-control"].to_str().unwrap();
            assert!(kept.contains("immutable"), "{address}: {kept}");
            assert_eq!(asset.headers["x-content-type-options"], "nosniff");
        }
    }
    for module in ["name.js", "progress.js"] {
        let script = browser.open(&format!("{SITE}/assets/{module}")).await;
        assert_eq!(script.headers["content-type"], "text/javascript; charset=utf-8");
        assert_eq!(script.headers["cache-control"], "no-cache");
    }
}

#[tokio::test]
async fn who_shares_the_start_page_shares_a_picture_of_the_product() {
    let world = World::start(&[]).await;
    let mut browser = Browser::new(&world);
    let page = browser.open(&format!("{SITE}/")).await;
    let (_, rest) = page.body.split_once("property=\"og:image\" content=\"").unwrap();
    let address = rest.split('"').next().unwrap();
    assert!(address.starts_with(&format!("{SITE}/assets/og.jpg?v=")), "{address}");
    let picture = browser.open(address).await;
    assert_eq!(
        (picture.status, &picture.headers["content-type"]),
        (StatusCode::OK, &"image/jpeg".parse().unwrap())
    );
    assert!(page.body.contains("property=\"og:image:width\" content=\"1200\""), "{}", page.body);
}

#[tokio::test]
async fn the_start_page_offers_every_skill_and_a_form_that_needs_no_script() {
    let site = "[site]\nprice = '$9'\nprograms = ['summarize', 'nano-pdf', 'gog', 'himalaya', 'jq', \
                'obsidian', 'xurl', 'tmux', 'gh', 'claude']\n";
    let world = World::start_with_sections(&[], "", site).await;
    let page = Browser::new(&world).open(&format!("{SITE}/")).await;
    assert_eq!(page.status, StatusCode::OK);
    for skill in control::model::skills::CATALOGUE {
        let field = format!("name=\"skills\" value=\"{}\"", skill.id);
        assert!(page.body.contains(&field) && page.body.contains(skill.name), "{}", skill.id);
    }
    for part in ["action=\"/api/checkout\"", "name=\"email\"", "name=\"username\"", "$9 a month"] {
        assert!(page.body.contains(part), "{part}");
    }
    assert!(!page.body.contains("aria-invalid"), "nothing is wrong yet");
}

#[tokio::test]
async fn a_skill_whose_program_is_missing_in_the_machines_is_not_sold() {
    let world = World::start(&[]).await;
    let page = Browser::new(&world).open(&format!("{SITE}/")).await;
    for (skill, sold) in [("weather", true), ("notion", true), ("summarize", false), ("gog", false)]
    {
        assert_eq!(page.body.contains(&format!("value=\"{skill}\"")), sold, "{skill}");
    }
}

#[tokio::test]
async fn choices_come_back_to_the_browser_that_made_them_and_to_no_other() {
    let world = World::start(&[]).await;
    let order = Order::begin(&world).await;
    for path in ["/?signup=", "/cancelled?signup="] {
        let address = format!("{SITE}{path}{SIGN_UP}");
        let own = order.browser().open(&address).await;
        assert!(own.body.contains("value=\"ada@mail.test\""), "{path}");
        assert!(own.body.contains("value=\"ada\""), "{path}");
        assert!(own.body.contains("value=\"github\""), "{path}");
        let stranger = Browser::new(&world).open(&address).await;
        assert_eq!(stranger.status, StatusCode::OK);
        assert!(!stranger.body.contains("ada@mail.test"), "{path}");
    }
    let page = order.browser().open(&format!("{SITE}/?signup={SIGN_UP}")).await;
    assert!(
        page.body.contains(
            "data-testid=\"skill-weather\" aria-describedby=\"skill-weather-what\" checked"
        )
    );
    assert!(!page.body.contains("aria-describedby=\"skill-notion-what\" checked"));
}

#[tokio::test]
async fn who_left_the_payment_hears_that_nothing_was_charged_unless_it_was() {
    let world = World::start(&[]).await;
    let order = Order::begin(&world).await;
    let address = format!("{SITE}/cancelled?signup={SIGN_UP}");
    let page = order.browser().open(&address).await;
    assert!(page.body.contains("Nothing was charged"), "{}", page.body);
    order.pay().await;
    let page = order.browser().open(&address).await;
    assert_eq!((page.status, page.location.as_str()), (StatusCode::SEE_OTHER, "/login?to=account"));
    for odd in ["", "%00", "x'--", &"x".repeat(5_000)] {
        let page = Browser::new(&world).open(&format!("{SITE}/cancelled?signup={odd}")).await;
        assert_eq!(page.status, StatusCode::OK, "{odd}");
    }
}

#[tokio::test]
async fn the_operators_texts_are_shown_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("legal.txt");
    std::fs::write(&file, "# Terms\nBe <kind>.\n").unwrap();
    let german = folder.path().join("legal.de.txt");
    std::fs::write(&german, "# Bedingungen\nSei nett.\n").unwrap();
    let privacy = folder.path().join("privacy.txt");
    std::fs::write(&privacy, "# Secrets\nAre kept.\n").unwrap();
    let settings = format!(
        "[site]\noperator = 'Ada & Co'\naddress = ['1 Analytical Way', 'London']\n\
         contact_email = 'ada@mail.test'\nlegal_file = '{}'\nlegal_german_file = '{}'\n\
         privacy_file = '{}'\n",
        file.display(),
        german.display(),
        privacy.display()
    );
    let world = World::start_with_sections(&[], "", &settings).await;
    let mut browser = Browser::new(&world);
    let legal = browser.open(&format!("{SITE}/legal")).await;
    assert!(legal.body.contains("<h2>Terms</h2>"), "{}", legal.body);
    assert!(legal.body.contains("Be &#60;kind&#62;."), "{}", legal.body);
    for path in ["/legal", "/privacy", "/contact"] {
        let page = browser.open(&format!("{SITE}{path}")).await;
        for part in ["Ada &#38; Co", "1 Analytical Way", "mailto:ada@mail.test"] {
            assert!(page.body.contains(part), "{path}: {part}");
        }
    }
    browser.language = Some("de");
    let legal = browser.open(&format!("{SITE}/legal")).await;
    assert!(legal.body.contains("<h2>Bedingungen</h2>"), "{}", legal.body);
    // Of what is there in one language, everybody reads that one.
    let privacy = browser.open(&format!("{SITE}/privacy")).await;
    assert!(privacy.body.contains("<h2>Secrets</h2>"), "{}", privacy.body);
}

#[tokio::test]
async fn errors_are_pages_for_people_and_json_for_programs() {
    let world = World::start(&[]).await;
    let mut browser = Browser::new(&world);
    let address = format!("{SITE}/nowhere");
    let page = browser.open(&address).await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    assert!(page.body.contains("Nothing here") && page.body.contains("site.css"), "{}", page.body);
    let accept = [("accept", "application/json")];
    let json = browser.send(Method::GET, &address, None, &accept).await;
    assert_eq!(json.status, StatusCode::NOT_FOUND);
    let body: serde_json::Value = serde_json::from_str(&json.body).unwrap();
    assert_eq!(body["error"]["code"], "not_found");
    let page = browser.send(Method::DELETE, &format!("{SITE}/"), None, &[]).await;
    assert_eq!(page.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn who_reads_german_signs_in_in_german_and_may_choose_otherwise() {
    let world = World::start(&[]).await;
    let mut browser = Browser::new(&world);
    browser.language = Some("de-AT,de;q=0.9,en;q=0.8");
    for path in [
        "/login",
        "/login?signed_out=1",
        "/login?reset=1",
        "/login?workspace=ada",
        "/forgot-password",
    ] {
        let page = browser.open(&format!("{SITE}{path}")).await;
        assert!(page.body.contains("<html lang=\"de\">"), "{path}: {}", page.body);
        for english in [
            "Sign in",
            "Password",
            "Forgotten",
            "Your new",
            "to open",
            "Skip",
            "Legal",
            "Privacy",
            "Tell us",
            "Send me",
        ] {
            assert!(!page.body.contains(english), "{path} says {english}: {}", page.body);
        }
    }
    let refused = browser.log_in("ada", "a wrong one, at length").await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    assert!(refused.body.contains("gehören nicht zusammen"), "{}", refused.body);

    let page = browser.open(&format!("{SITE}/login?workspace=ada&return=%2Fx")).await;
    let chosen = browser.open(&switch(&page)).await;
    assert_eq!(chosen.location, "/login?workspace=ada&return=%2Fx");
    let page = browser.open(&format!("{SITE}{}", chosen.location)).await;
    assert!(page.body.contains("<html lang=\"en\">") && page.body.contains("Sign in"), "{page:?}");
    let elsewhere = browser.open(&format!("{SITE}/language/de//evil.test")).await;
    assert_eq!(elsewhere.location, "/");
}

/// Where the page leads for the other language.
fn switch(page: &Page) -> String {
    let (_, rest) = page.body.split_once("href=\"http://arca.test:8080/language").unwrap();
    let switch = rest.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&");
    format!("{SITE}/language{switch}")
}

/// What the form on a page sends but for what is typed.
fn hidden(page: &Page) -> Vec<(String, String)> {
    let fields = page.body.split("<input type=\"hidden\" name=\"").skip(1);
    let unescaped = |text: &str| text.replace("&#38;", "&").replace("&#34;", "\"");
    let read = |field: &str| {
        let (name, rest) = field.split_once("\" value=\"").unwrap();
        (name.to_owned(), unescaped(rest.split('"').next().unwrap()))
    };
    fields.map(read).collect()
}

async fn send_form(browser: &mut Browser<'_>, form: &Page, password: &str) -> Page {
    let hidden = hidden(form);
    let mut fields = vec![("username", "ada"), ("password", password)];
    fields.extend(hidden.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    browser.submit(&format!("{SITE}/login"), &fields).await
}

/// A page deep in a workspace, a wrong password, the other language, the right one.
async fn a_way_in(browser: &mut Browser<'_>, path: &str) {
    let escaped: String = url::form_urlencoded::byte_serialize(path.as_bytes()).collect();
    let door = browser.open(&format!("{ADA}/auth/login?return={escaped}")).await;
    let form = browser.open(&door.location).await;
    let chosen = browser.open(&switch(&form)).await;
    let form = browser.open(&format!("{SITE}{}", chosen.location)).await;
    let form = send_form(browser, &form, "a wrong one, at length").await;
    assert_eq!(form.status, StatusCode::UNAUTHORIZED, "{} bytes", path.len());
    let chosen = browser.open(&switch(&form)).await;
    let form = browser.open(&format!("{SITE}{}", chosen.location)).await;
    let callback = send_form(browser, &form, PASSWORD).await;
    let page = browser.open(&callback.location).await;
    assert_eq!((page.status, page.location.as_str()), (StatusCode::SEE_OTHER, path));
}

#[tokio::test]
async fn the_page_asked_for_survives_a_wrong_password_and_another_language() {
    let world = World::start(&[]).await;
    world.add_customer("ada").await;
    a_way_in(&mut Browser::new(&world), "/deep?x=1").await;
    // The longest there is, of what grows when it is escaped.
    let escapes = format!("/x?f={}", "%22".repeat(2_729));
    assert_eq!(escapes.len(), ReturnPath::MAX_BYTES);
    a_way_in(&mut Browser::new(&world), &escapes).await;
    a_way_in(&mut Browser::new(&world), &"/:".repeat(4_096)).await;
}

#[tokio::test]
async fn the_longest_form_is_read() {
    let world = World::start(&[]).await;
    world.add_customer("ada").await;
    let mut browser = Browser::new(&world);
    let (password, path) = ("&".repeat(1_024), "/:".repeat(4_096));
    let fields = [("username", "ada"), ("password", &password), ("return", &path)];
    let page = browser.submit(&format!("{SITE}/login"), &fields).await;
    assert_eq!(page.status, StatusCode::UNAUTHORIZED, "{page:?}");
}
