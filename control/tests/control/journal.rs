//! The journal: whatever changes a workspace, a machine, a route or the price is in it, with
//! who did it.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;

use crate::billing::market::Market;
use crate::common::{PASSWORD, SITE, World};
use crate::machines::installation::Town;

/// `who`, `subject` and `act` of what `control journal …` prints, the oldest first.
fn lines(printed: &str) -> Vec<(String, String, String)> {
    let entries: Vec<Value> = serde_json::from_str(printed).unwrap();
    let text = |entry: &Value, name: &str| entry[name].as_str().unwrap().to_owned();
    let line = |entry: &Value| {
        let who = format!("{} {}", text(entry, "kind"), text(entry, "who"));
        (who, text(entry, "subject"), text(entry, "act"))
    };
    entries.iter().rev().map(line).collect()
}

#[tokio::test]
async fn a_life_of_a_workspace_is_told_with_who_did_what() {
    let market = Market::open(&[]).await;
    let world = &market.shop.world;
    let ada = market.live("ada@example.com").await;
    let body = serde_json::json!({ "password": PASSWORD });
    world.api(Method::POST, "/api/customers/ada/password", Some(body)).await;
    let mut browser = market.shop.browser();
    browser.log_in("ada", PASSWORD).await;
    browser.submit(&format!("{SITE}/account/cancel"), &[]).await;
    market.pass(Duration::from_secs(40 * 86_400));
    for _ in 0..2 {
        market.tell(1).await;
    }
    let told = lines(&world.cli("journal --workspace ada --json").await);
    let said: Vec<_> = told.iter().map(|(who, _, act)| format!("{who}: {act}")).collect();
    let expected = [
        format!("system stripe: paid with {}: it is being prepared", ada.subscription),
        "preparing → live: its machine is ready, and its route published".to_owned(),
        "operator admin: POST /api/customers/ada/password".to_owned(),
        "system stripe: its end is arranged for ".to_owned(),
        "customer ada: cancels with the end of the period".to_owned(),
        "system stripe: live → ending: the subscription is Over".to_owned(),
    ];
    for (place, expected) in expected.iter().enumerate() {
        assert!(said[place].contains(expected), "{expected} is not {:?} of {said:#?}", said[place]);
    }
    assert_eq!(said.len(), expected.len(), "{said:#?}");
    assert!(told.iter().all(|(_, subject, _)| subject == "workspace ada"), "{told:?}");
    let since =
        lines(&world.cli("journal --workspace ada --since 2027-02-01T00:00:00Z --json").await);
    assert_eq!(since.len(), 1, "{since:?}");
    assert!(lines(&world.cli("journal --workspace bob --json").await).is_empty());
}

#[tokio::test]
async fn what_the_body_names_is_in_the_journal() {
    let world = World::start(&[]).await;
    world.add_customer("ada").await;
    let refused = serde_json::json!({ "username": "bob", "email": "nobody" });
    world.api(Method::POST, "/api/customers", Some(refused)).await;
    let route = serde_json::json!({ "username": "eve", "spriteUrl": "https://eve-1.sprites.test" });
    world.api(Method::POST, "/api/customer-proxy", Some(route)).await;
    let token = serde_json::json!({ "name": "fra-2" });
    world.api(Method::POST, "/api/edge-tokens", Some(token)).await;
    world.api(Method::POST, "/api/customers", Some(serde_json::json!(["ada"]))).await;
    let told = lines(&world.cli("journal --json").await);
    let told: Vec<_> = told.iter().map(|(_, subject, act)| (&**subject, &**act)).collect();
    let expected = [
        ("workspace ada", "POST /api/customers"),
        ("workspace bob", "POST /api/customers"),
        ("workspace eve", "POST /api/customer-proxy"),
        ("edge fra-2", "POST /api/edge-tokens"),
        ("customers", "POST /api/customers"),
    ];
    assert_eq!(told, expected);
    let of_ada = world.cli("journal --workspace ada --json").await;
    assert_eq!(lines(&of_ada).len(), 1, "{of_ada}");
}

#[tokio::test]
async fn the_price_is_noted_when_it_is_another_one() {
    let mut market = Market::open(&[]).await;
    for _ in 0..2 {
        let (_, page) = market.shop.world.api(Method::GET, "/api/journal", None).await;
        let all = lines(&page["items"].to_string());
        let prices = all.iter().filter(|(_, subject, _)| subject == "price");
        let prices: Vec<_> = prices.map(|(who, _, act)| format!("{who}: {act}")).collect();
        assert_eq!(prices, ["system configuration: sells at price_workspace, $7 a month"]);
        market.shop.world.restart().await;
    }
}

#[tokio::test]
async fn a_machine_is_told_of_from_its_beginning_to_its_end() {
    let town = Town::start(1).await;
    town.until_available(1).await;
    let name = town.next_in_line().await;
    let task = town.pay("ada").await;
    town.until_done(&task).await;
    let cancelled = town.cancel("ada").await;
    town.until_done(&cancelled).await;
    let told = lines(&town.installation.cli(town.control(), "journal --json --limit 100").await);
    let machine = format!("machine {name}");
    let of_it: Vec<_> = told.iter().filter(|(_, subject, _)| *subject == machine).collect();
    let acts: Vec<_> = of_it.iter().map(|(_, _, act)| act.as_str()).collect();
    let expected = [
        "it is being prepared",
        "preparing → available",
        "available → assigned to ada, assignment 1",
        "assigned → recycling",
        "destroyed, and gone for certain",
    ];
    assert_eq!(acts, expected);
    assert!(of_it[2].0.starts_with("system PROV-") && of_it[3].0.starts_with("system RECYCLE-"));
    let routes = told.iter().filter(|(_, subject, _)| subject == "route ada");
    let routes: Vec<_> = routes.map(|(_, _, act)| act.as_str()).collect();
    assert!(routes.len() == 2 && routes[1].ends_with(&format!("with {name}, live")), "{routes:?}");
}
