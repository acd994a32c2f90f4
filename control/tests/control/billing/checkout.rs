//! The form, and the way from it to Stripe's page.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::shop::{Shop, name, order};
use crate::common::SITE;
use crate::common::browser::{Browser, Page};

async fn ask(browser: &mut Browser<'_>, fields: &[(&str, &str)]) -> (StatusCode, Value) {
    let headers = [("accept", "application/json"), ("origin", SITE)];
    let url = format!("{SITE}/api/checkout");
    let page = browser.send(Method::POST, &url, Some(fields), &headers).await;
    (page.status, serde_json::from_str(&page.body).unwrap())
}

fn leads_to_pay(page: &Page, session: &str) {
    let expected = format!("http://stripe.test/pay/{session}#fid");
    assert_eq!((page.status, page.location.as_str()), (StatusCode::SEE_OTHER, expected.as_str()));
}

#[tokio::test]
async fn a_form_leads_to_a_page_where_it_can_be_paid() {
    let shop = Shop::open().await;
    let mut browser = shop.browser();
    let page = order(&mut browser, "ada@example.com", "lovelace").await;
    leads_to_pay(&page, "cs_test_1");
    let cookie = page.set_cookies.iter().find(|c| c.starts_with("__Host-arca_signup=")).unwrap();
    for guard in ["HttpOnly", "Secure", "SameSite=Lax", "Path=/", "Max-Age=86400"] {
        assert!(cookie.contains(guard), "{cookie}");
    }
    let signup = shop.signup_of(&browser).await;
    assert_eq!((signup.username, signup.skills.to_string()), (name("lovelace"), "weather".into()));
    let session = shop.stripe.books().sessions["cs_test_1"].clone();
    assert_eq!(session["client_reference_id"], signup.id.as_str());
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains(&format!("http://{}", shop.stripe.address)), "{policy}");
}

#[tokio::test]
async fn a_program_gets_the_address_as_json() {
    let shop = Shop::open().await;
    let answer = ask(&mut shop.browser(), &[("email", "ada@example.com")]).await;
    let url = json!({ "url": "http://stripe.test/pay/cs_test_1#fid" });
    assert_eq!(answer, (StatusCode::OK, url));
}

#[tokio::test]
async fn what_cannot_be_sold_is_refused_at_its_field_and_nothing_is_reserved() {
    let shop = Shop::open().await;
    shop.world.add_customer("taken").await;
    order(&mut shop.browser(), "bob@example.com", "bob").await;
    let refused = async |field: &str, fields: &[(&str, &str)]| {
        let (status, answer) = ask(&mut shop.browser(), fields).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{fields:?}: {answer}");
        assert_eq!(answer["error"]["field"], field, "{fields:?}: {answer}");
    };
    let ada = ("email", "ada@example.com");
    refused("email", &[("username", "ada")]).await;
    refused("email", &[("email", "ada@localhost"), ("username", "ada")]).await;
    refused("username", &[ada, ("username", "a_da")]).await;
    refused("username", &[ada, ("username", "admin")]).await;
    refused("username", &[ada, ("username", "taken")]).await;
    refused("username", &[ada, ("username", "bob")]).await;
    refused("skills", &[ada, ("username", "ada"), ("skills", "juggling")]).await;
    assert_eq!(shop.stripe.count("POST /v1/checkout"), 1, "only bob's");
    let free = shop.browser().open(&format!("{SITE}/api/usernames/ada")).await;
    assert_eq!(free.body, r#"{"available":true}"#);
}

#[tokio::test]
async fn a_form_of_another_site_is_refused() {
    let shop = Shop::open().await;
    let headers = [("origin", "http://ada.arca.test:8080"), ("sec-fetch-site", "same-site")];
    let fields = [("email", "ada@example.com")];
    let url = format!("{SITE}/api/checkout");
    let page = shop.browser().send(Method::POST, &url, Some(&fields), &headers).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert_eq!(shop.stripe.count("POST /v1/checkout"), 0);
}

#[tokio::test]
async fn who_chose_no_name_gets_one_from_the_address() {
    let shop = Shop::open().await;
    let first = shop.sign_up("ada@example.com").await;
    let second = shop.sign_up("ada@example.org").await;
    let third = shop.sign_up("admin@example.com").await;
    let names = [first.username, second.username, third.username];
    assert_eq!(names, [name("ada"), name("ada-2"), name("my-workspace")]);
}

#[tokio::test]
async fn who_pays_gets_the_name_that_an_operator_would_have_put_elsewhere() {
    let shop = Shop::open().await;
    let ada = shop.sign_up("ada@example.com").await.username;
    for path in [format!("/api/routes/{ada}"), "/api/customer-proxy".to_owned()] {
        let is_put = path.starts_with("/api/routes");
        let (method, body) = if is_put {
            (Method::PUT, json!({ "upstream": "https://ada-1.sprites.test" }))
        } else {
            (Method::POST, json!({ "username": ada, "spriteUrl": "https://ada-1.sprites.test" }))
        };
        let (status, answer) = shop.world.api(method, &path, Some(body)).await;
        assert_eq!((status, &answer["error"]["code"]), (StatusCode::CONFLICT, &json!("taken")));
    }
    shop.world.put_route("bob").await;
}

#[tokio::test]
async fn a_name_says_why_it_cannot_be_had() {
    let shop = Shop::open().await;
    shop.sign_up("ada@example.com").await;
    let check = async |name: &str, expected: Value| {
        let page = shop.browser().open(&format!("{SITE}/api/usernames/{name}")).await;
        assert_eq!(page.status, StatusCode::OK);
        assert_eq!(serde_json::from_str::<Value>(&page.body).unwrap(), expected, "{name}");
    };
    check("bob", json!({ "available": true })).await;
    check("Bob", json!({ "available": true })).await;
    check("ada", json!({ "available": false, "reason": "This name is taken." })).await;
    let reserved = json!({ "available": false, "reason": "This name is reserved." });
    check("admin", reserved).await;
    let short = json!({ "available": false, "reason": "A name has 2 to 32 characters." });
    check("a", short).await;
}

#[tokio::test]
async fn the_same_browser_gets_the_same_page_until_it_wants_something_else() {
    let shop = Shop::open().await;
    let mut browser = shop.browser();
    leads_to_pay(&order(&mut browser, "ada@example.com", "").await, "cs_test_1");
    leads_to_pay(&order(&mut browser, "ada@example.com", "").await, "cs_test_1");
    leads_to_pay(&order(&mut browser, "ada@example.com", "ada").await, "cs_test_1");
    leads_to_pay(&order(&mut browser, "ada@example.com", "countess").await, "cs_test_2");
    assert_eq!(shop.stripe.books().sessions["cs_test_1"]["status"], "expired");
    let signup = shop.signup_of(&browser).await;
    assert_eq!((signup.username, signup.attempts), (name("countess"), 2));
    let free = shop.browser().open(&format!("{SITE}/api/usernames/ada")).await;
    assert_eq!(free.body, r#"{"available":true}"#, "the first name is given back");
}

#[tokio::test]
async fn a_page_that_was_paid_in_another_tab_is_not_replaced() {
    let shop = Shop::open().await;
    let mut browser = shop.browser();
    order(&mut browser, "ada@example.com", "").await;
    shop.stripe.books().pay("cs_test_1", "paid", "sub_1", "active");
    // Before any news of it has come.
    let page = order(&mut browser, "ada@example.com", "countess").await;
    assert_eq!(page.location, format!("{SITE}/welcome?session_id=cs_test_1"));
    assert_eq!(shop.life("ada").await, "preparing", "it was looked at on the way");
    let again = order(&mut browser, "ada@example.com", "").await;
    assert_eq!(again.location, format!("{SITE}/welcome?session_id=cs_test_1"));
    // Somebody else at the same browser.
    leads_to_pay(&order(&mut browser, "bob@example.com", "").await, "cs_test_2");
    assert_eq!(shop.life("ada").await, "preparing");
}

#[tokio::test]
async fn who_has_paid_and_names_another_workspace_gets_a_second_one() {
    let shop = Shop::open().await;
    let mut browser = shop.browser();
    order(&mut browser, "ada@example.com", "ada").await;
    shop.stripe.books().pay("cs_test_1", "paid", "sub_1", "active");
    shop.tell("checkout.session.completed", "cs_test_1").await;
    shop.settled().await;
    let again = order(&mut browser, "ada@example.com", "ada").await;
    assert_eq!(again.location, format!("{SITE}/welcome?session_id=cs_test_1"));
    leads_to_pay(&order(&mut browser, "ada@example.com", "countess").await, "cs_test_2");
    assert_eq!(shop.life("ada").await, "preparing");
}

#[tokio::test]
async fn without_stripe_nothing_is_charged_and_nothing_reserved() {
    let shop = Shop::open().await;
    shop.stripe.books().is_down = true;
    let mut browser = shop.browser();
    let (status, answer) = ask(&mut browser, &[("email", "ada@example.com")]).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(message.contains("Nothing was charged"), "{message}");
    let page = order(&mut browser, "ada@example.com", "").await;
    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(page.body.contains("Nothing was charged"), "{}", page.body);
    let free = shop.browser().open(&format!("{SITE}/api/usernames/ada")).await;
    assert_eq!(free.body, r#"{"available":true}"#);
    shop.stripe.books().is_down = false;
    leads_to_pay(&order(&mut browser, "ada@example.com", "").await, "cs_test_1");
}

#[tokio::test]
async fn a_name_is_free_again_when_its_page_has_expired() {
    let shop = Shop::open().await;
    let signup = shop.sign_up("ada@example.com").await;
    let now = control::base::clock::Moment::from_seconds(shop.world.now_seconds());
    assert!(!shop.store.is_name_free(&signup.username, now).await.unwrap());
    shop.world.let_pass(std::time::Duration::from_secs(76 * 60)).await;
    let now = control::base::clock::Moment::from_seconds(shop.world.now_seconds());
    assert!(shop.store.is_name_free(&signup.username, now).await.unwrap());
    assert_eq!(shop.sign_up("ada@example.org").await.username, name("ada"));
}

#[tokio::test]
async fn two_tabs_at_once_leave_one_page_that_can_be_paid() {
    let shop = Shop::open().await;
    let mut browser = shop.browser();
    order(&mut browser, "ada@example.com", "").await;
    let (mut left, mut right) = (browser.clone(), browser.clone());
    let (left, right) = tokio::join!(
        order(&mut left, "ada@example.com", "left"),
        order(&mut right, "ada@example.com", "right"),
    );
    let signup = shop.signup_of(&browser).await;
    let books = shop.stripe.books();
    let open = books.sessions.values().filter(|session| session["status"] == "open");
    let open: Vec<_> = open.map(|session| session["id"].as_str().unwrap()).collect();
    assert_eq!(open, [signup.checkout.unwrap().id.as_str()], "{left:?} {right:?}");
}

#[tokio::test]
async fn an_address_that_stripe_does_not_take_is_said_at_its_field() {
    let shop = Shop::open().await;
    shop.stripe.books().refuses = Some("customer_email");
    let page = order(&mut shop.browser(), "ada@example.com", "").await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.body.contains("id=\"email-error\""), "{}", page.body);
    let refused = "checkout/refused/2027-01-15";
    assert!(!shop.is_reported(refused).await, "nobody has to mend anything");
    // Everything else that Stripe refuses is ours to mend.
    shop.stripe.books().refuses = Some("line_items[0][price]");
    let page = order(&mut shop.browser(), "ada@example.com", "").await;
    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(shop.is_reported(refused).await);
}

#[tokio::test]
async fn the_name_that_a_browser_has_reserved_is_not_taken_from_it() {
    let shop = Shop::open().await;
    let mut browser = shop.browser();
    order(&mut browser, "ada@example.com", "").await;
    let page = browser.open(&format!("{SITE}/api/usernames/ada")).await;
    assert!(page.body.contains("\"available\":true"), "{}", page.body);
    let stranger = shop.browser().open(&format!("{SITE}/api/usernames/ada")).await;
    assert!(stranger.body.contains("\"available\":false"), "{}", stranger.body);
}

#[tokio::test]
async fn the_way_to_the_other_language_is_not_offered_where_it_would_lose_what_was_typed() {
    let shop = Shop::open().await;
    let mut browser = shop.browser();
    let language = "data-testid=\"language\"";
    assert!(browser.open(&format!("{SITE}/")).await.body.contains(language));
    let refused = order(&mut browser, "ada", "lovelace").await;
    assert!(refused.body.contains("value=\"lovelace\""), "{}", refused.body);
    assert!(!refused.body.contains(language), "{}", refused.body);
}
