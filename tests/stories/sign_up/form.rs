//! The form on a phone: near at hand, and honest about what is wrong.

use e2e::{Chrome, Pace, Plan, Screen, Vendors, World};
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn on_a_phone_the_form_leads_to_its_fields_and_to_what_is_wrong() {
    let vendors = Vendors { available: 1, pace: Pace::Quick };
    let world = World::start(Plan::with_tenants(&[]).with_vendors(vendors)).await.unwrap();
    let chrome = Chrome::start(Screen::Phone).await.unwrap();
    chrome.goto(world.site_url()).await.unwrap();
    chrome.click_css(".hero .actions a.button").await.unwrap();
    // The first group of skills is open; the field is not a dozen screens below them.
    let top = |id: &str| format!("document.getElementById('{id}').getBoundingClientRect().top");
    chrome.wait_for(&format!("{} < 3 * innerHeight", top("email"))).await.unwrap();
    let label = "document.querySelector('label[for=username]').textContent";
    chrome.wait_for(&format!("{label}.includes('address')")).await.unwrap();

    chrome.fill("input[name=email]", "lin@example.test").await.unwrap();
    chrome.fill("input[name=username]", "-lin-").await.unwrap();
    chrome.click("pay").await.unwrap();
    chrome.find("problems").await.unwrap();
    chrome.wait_for("document.activeElement.id === 'username'").await.unwrap();
    let shown = |id: &str| format!("({0} >= 0 && {0} < innerHeight)", top(id));
    chrome.wait_for(&shown("username")).await.unwrap();
    // A field with a fault is red all around, also while it has the focus.
    let style = "getComputedStyle(document.getElementById('username'))";
    let fault = "getComputedStyle(document.getElementById('username-error')).color";
    chrome.wait_for(&format!("{style}.outlineColor === {fault}")).await.unwrap();
    chrome.screenshot("sign-up-phone-8-fault").await.unwrap();

    let stripe = &world.fakes().stripe;
    let rule = json!({"match": {"path": "/v1/*"}, "fault": "status:503", "times": 1_000});
    stripe.tell(Method::POST, "/_fake/faults", Some(rule)).await.unwrap();
    chrome.fill("input[name=username]", "lin").await.unwrap();
    chrome.click("pay").await.unwrap();
    let problem = "document.getElementById('problems')";
    chrome
        .wait_for(&format!("{problem}?.textContent.includes('Nothing was charged')"))
        .await
        .unwrap();
    chrome.wait_for(&format!("document.activeElement === {problem}")).await.unwrap();
    chrome.wait_for(&shown("problems")).await.unwrap();
    chrome.screenshot("sign-up-phone-9-stripe-away").await.unwrap();
    // What was typed is still there after a look at the payment and back.
    stripe.tell(Method::DELETE, "/_fake/faults", None).await.unwrap();
    chrome.goto(world.site_url()).await.unwrap();
    chrome.fill("input[name=email]", "lin@example.test").await.unwrap();
    chrome.fill("input[name=username]", "lin").await.unwrap();
    chrome.click("pay").await.unwrap();
    chrome.find_css("#pay").await.unwrap();
    chrome.client.back().await.unwrap();
    chrome.wait_for("document.getElementById('username')?.value === 'lin'").await.unwrap();
    chrome.wait_for("document.getElementById('email').value === 'lin@example.test'").await.unwrap();
}
