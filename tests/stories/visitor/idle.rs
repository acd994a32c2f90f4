//! What a tab that is open and does nothing sends and receives in a minute: while it is seen, and
//! after it has come to rest. Prints a table. Runs by `make bench-page`.

use e2e::{Chrome, Plan, Screen, World};

/// Counts what goes either way over each WebSocket of the page, in frames and bytes of text.
const COUNT: &str = "window.counted = {frames: 0, bytes: 0}; \
    const count = (text) => { if (!window.counted) return; counted.frames += 1; counted.bytes += new TextEncoder().encode(text).length; }; \
    window.WebSocket = class extends WebSocket { \
      constructor(...all) { super(...all); this.addEventListener('message', ({data}) => count(data)); } \
      send(text) { count(text); super.send(text); } }";

/// What the browser says of a tab that stands behind another one.
const HIDE: &str = "(Object.defineProperty(document, 'visibilityState', {get: () => 'hidden'}), \
    document.dispatchEvent(new Event('visibilitychange')), null)";

const MINUTES: u32 = 2;

#[tokio::test]
#[ignore = "prints figures: make bench-page runs it"]
async fn a_tab_that_nobody_looks_at_sends_nothing() {
    let world = World::start(Plan::with_tenants(&["ada"])).await.unwrap();
    let chrome = Chrome::start(Screen::Desktop).await.unwrap();
    chrome.run_before(COUNT).await.unwrap();
    chrome.sign_in(&world, "ada").await.unwrap();
    eprintln!("| an idle tab, a minute | frames | bytes |\n|---|--:|--:|");
    let (frames, _) = told("seen, not touched", &chrome).await;
    assert!(frames > 0.0, "nothing was counted");
    chrome.evaluate(HIDE).await.unwrap();
    chrome.wait_for_state("status", "asleep").await.unwrap();
    let (frames, bytes) = told("at rest, since it was out of sight for a minute", &chrome).await;
    assert_eq!((frames, bytes), (0.0, 0.0));
    assert_eq!(world.edges[0].metric("arca_edge_tunnels").await.unwrap(), 0);
}

/// Frames and bytes of a minute, over some.
async fn told(name: &str, chrome: &Chrome) -> (f64, f64) {
    let begin = format!(
        "(window.counted = {{frames: 0, bytes: 0}}, \
         setTimeout(() => {{ window.told = counted; window.counted = null; }}, {MINUTES} * 60_000), null)"
    );
    chrome.evaluate(&begin).await.unwrap();
    chrome.wait_for("window.counted === null").await.unwrap();
    let of = async |what: &str| {
        let value = chrome.evaluate(&format!("told.{what}")).await.unwrap();
        value.as_f64().unwrap() / f64::from(MINUTES)
    };
    let (frames, bytes) = (of("frames").await, of("bytes").await);
    eprintln!("| {name} | {frames} | {bytes} |");
    (frames, bytes)
}
